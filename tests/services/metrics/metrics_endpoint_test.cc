// SPDX-License-Identifier: Apache-2.0
#include "services/metrics/metrics_endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "gtest/gtest.h"

namespace pintle {
namespace {

// The whole answer to GET /metrics.
std::string Scrape(const std::string& address) {
  const int port = std::stoi(address.substr(address.rfind(':') + 1));
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0) {
    const std::string request = "GET /metrics HTTP/1.0\r\n\r\n";
    EXPECT_EQ(write(fd, request.data(), request.size()), static_cast<ssize_t>(request.size()));
    char buffer[4096];
    for (ssize_t n = 0; (n = read(fd, buffer, sizeof(buffer))) > 0;) {
      answer.append(buffer, static_cast<std::size_t>(n));
    }
  }
  close(fd);
  return answer;
}

TEST(MetricsEndpointTest, ServesWhatIsTrueAtTheScrapeOnAPortOfTheSystemsChoice) {
  int running = 0;
  auto endpoint = MetricsEndpoint::Start("127.0.0.1:0", [&](SampleFamilies& families) {
    families.Add("pintle_requests_running", {{"model", "m"}}, ++running);
  });
  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  EXPECT_NE((*endpoint)->address(), "127.0.0.1:0");
  EXPECT_NE(Scrape((*endpoint)->address()).find("pintle_requests_running{model=\"m\"} 1"),
            std::string::npos);
  EXPECT_NE(Scrape((*endpoint)->address()).find("pintle_requests_running{model=\"m\"} 2"),
            std::string::npos);
}

TEST(MetricsEndpointTest, AnAddressThatCannotBeHadIsNamed) {
  const auto nothing = [](SampleFamilies&) {};
  auto first = MetricsEndpoint::Start("127.0.0.1:0", nothing);
  ASSERT_TRUE(first.ok());
  const auto taken = MetricsEndpoint::Start((*first)->address(), nothing);
  ASSERT_FALSE(taken.ok());
  EXPECT_NE(taken.status().message().find((*first)->address()), std::string::npos);
  EXPECT_FALSE(MetricsEndpoint::Start("nonsense", nothing).ok());
}

}  // namespace
}  // namespace pintle
