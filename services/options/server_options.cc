// SPDX-License-Identifier: Apache-2.0
#include "services/options/server_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <istream>
#include <memory>
#include <vector>

namespace pintle {
namespace {

std::string EnvironmentName(std::string flag) {
  std::transform(flag.begin(), flag.end(), flag.begin(), [](unsigned char letter) {
    return letter == '-' ? '_' : static_cast<char>(std::toupper(letter));
  });
  return "PINTLE_" + flag;
}

// The file of --config without the flags that the environment sets: CLI11 lets a file go before the
// environment, we do not.
class FileBelowEnvironment final : public CLI::ConfigTOML {
 public:
  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    std::vector<CLI::ConfigItem> kept = CLI::ConfigTOML::from_config(input);
    std::erase_if(kept, [](const CLI::ConfigItem& item) {
      return std::getenv(EnvironmentName(item.name).c_str()) != nullptr;
    });
    return kept;
  }
};

}  // namespace

void AddServerFlags(CLI::App& app, ServerOptions& options) {
  app.add_option(
         "--listen", options.listen,
         "HOST:PORT to serve gRPC on; port 0 takes a free one. Off loopback it needs TLS or "
         "--allow-plaintext")
      ->capture_default_str();
  app.add_option("--metrics-listen", options.metrics_listen,
                 "HOST:PORT of the Prometheus endpoint /metrics; none when empty");
  app.add_option("--health-listen", options.health_listen,
                 "HOST:PORT that serves only grpc.health.v1, in plaintext, for probes");
  app.add_option("--tenants", options.tenants_file,
                 "File of tenants, one a line: NAME SHA256-OF-TOKEN-IN-HEX, and for a worker's KV "
                 "[kv_quota_tokens=N] [kv_floor_tokens=N]. Without it everyone is tenant "
                 "'default'");
  app.add_option("--cluster-token-file", options.cluster_token_file,
                 "File with the token that coordinator and workers share");
  app.add_option("--admin-token-file", options.admin_token_file,
                 "File with the token of administrators");
  app.add_option("--tls-cert", options.tls_cert, "PEM certificate chain of this server");
  app.add_option("--tls-key", options.tls_key, "PEM private key of this server");
  app.add_option("--tls-ca", options.tls_ca,
                 "PEM roots that peers' certificates are verified against");
  app.add_flag("--allow-plaintext", options.allow_plaintext,
               "Serve off loopback without TLS, because a mesh or proxy encrypts");
  app.add_flag("--no-reflection", options.no_reflection, "Turn gRPC server reflection off");
  app.add_option("--log-format", options.log_format, "Form of the request log on standard error")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app.add_option("--grace-seconds", options.grace_seconds,
                 "Time that running turns get to finish after SIGTERM")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  app.add_option("--slow-reader-seconds", options.slow_reader_seconds,
                 "A stream whose reader is behind for longer ends with SLOW_READER")
      ->check(CLI::Range(0.1, 86400.0))
      ->capture_default_str();
  app.add_option("--session-ttl-hours", options.session_ttl_hours,
                 "A session idle for longer is forgotten")
      ->check(CLI::Range(0.0, 8760.0))
      ->capture_default_str();
  app.add_option("--sessions-max", options.sessions_max, "Sessions kept at most")
      ->check(CLI::Range(std::size_t{1}, std::size_t{10000000}))
      ->capture_default_str();
}

void AddEnvironmentAndConfig(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    if (option->get_lnames().empty() || option->get_lnames().front() == "help") continue;
    option->envname(EnvironmentName(option->get_lnames().front()));
  }
  app.config_formatter(std::make_shared<FileBelowEnvironment>());
  app.set_config("--config", "", "File of flags, one NAME=VALUE a line")->type_name("FILE");
  app.set_version_flag("--version", app.get_name() + " " + PINTLE_VERSION);
}

}  // namespace pintle
