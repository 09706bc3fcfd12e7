// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_OPTIONS_SERVER_OPTIONS_H_
#define PINTLE_SERVICES_OPTIONS_SERVER_OPTIONS_H_

#include <cstddef>
#include <string>

namespace CLI {
class App;
}

namespace pintle {

// What every serving process takes; the initial values are the one table of defaults, from which
// --help is made. Flags go before PINTLE_* environment variables, those before the file of
// --config.
struct ServerOptions {
  std::string listen;
  std::string metrics_listen;  // empty = no metrics endpoint
  std::string health_listen;   // empty = health only beside the other services
  std::string tenants_file;
  std::string cluster_token_file;
  std::string admin_token_file;
  std::string tls_cert;
  std::string tls_key;
  std::string tls_ca;
  bool allow_plaintext = false;
  bool no_reflection = false;
  std::string log_format = "text";
  double grace_seconds = 20;
  double session_ttl_hours = 24;
  double slow_reader_seconds = 30;
  std::size_t sessions_max = 100000;
};

// Adds the flags to a command line. `options` outlives it.
void AddServerFlags(CLI::App& app, ServerOptions& options);

// Gives every flag of the command line its environment variable: --kv-bytes is PINTLE_KV_BYTES.
// Adds --config FILE and --version too. Called last.
void AddEnvironmentAndConfig(CLI::App& app);

}  // namespace pintle

#endif  // PINTLE_SERVICES_OPTIONS_SERVER_OPTIONS_H_
