// SPDX-License-Identifier: Apache-2.0
#include "proxy/tools/free_ports.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <set>
#include <sys/socket.h>
#include <unistd.h>

namespace slotway::proxy {
namespace {

// Listens on any port of 127.0.0.1 while it lives.
class Occupant {
 public:
  Occupant() : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* native = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(fd_, native, size), 0);
    EXPECT_EQ(listen(fd_, 1), 0);
    getsockname(fd_, native, &size);
    port_ = ntohs(address.sin_port);
  }
  ~Occupant() { close(fd_); }
  std::uint16_t Port() const { return port_; }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

TEST(FreePortsTest, NoticesAListener) {
  Occupant occupant;
  std::string port = std::to_string(occupant.Port());
  auto taken = CheckPortIsFree("127.0.0.1", occupant.Port());
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().text, "port " + port + " of 127.0.0.1 is already in use");
  EXPECT_FALSE(CheckPortIsFree("0.0.0.0", occupant.Port()));
  EXPECT_TRUE(CheckPortIsFree("127.0.0.1", *FindFreePort("127.0.0.1")));
}

TEST(FreePortsTest, RefusesAnAddressOfNobodyHere) {
  EXPECT_FALSE(CheckPortIsFree("192.0.2.1", 1));
  EXPECT_FALSE(CheckPortIsFree("not an address", 1));
}

TEST(FreePortsTest, FindsDistinctPortsWithRoomForTheBus) {
  std::uint64_t seed = runtime::SystemEntropy();
  SCOPED_TRACE("seed " + std::to_string(seed));
  runtime::Random random(seed);
  auto ports = FindShardPorts(8, 0, random);
  ASSERT_TRUE(ports) << ports.error().text;
  EXPECT_EQ(std::set<std::uint16_t>(ports->begin(), ports->end()).size(), 8u);
  for (std::uint16_t port : *ports) EXPECT_LE(port, 55535);
}

TEST(FreePortsTest, ABasePortIsTakenAtItsWord) {
  Occupant occupant;
  runtime::Random random(1);
  EXPECT_FALSE(FindShardPorts(1, occupant.Port(), random));
  EXPECT_EQ(FindShardPorts(2, 55535, random).error().text,
            "port 55536 of 127.0.0.1, or 65536 for its cluster bus, is already in use or too high");
}

}  // namespace
}  // namespace slotway::proxy
