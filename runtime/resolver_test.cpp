// SPDX-License-Identifier: Apache-2.0
#include "runtime/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <optional>

namespace slotway::runtime {
namespace {

Result<std::vector<SocketAddress>> ResolveNow(const std::string& host, std::uint16_t port) {
  EventLoop loop;
  std::optional<Result<std::vector<SocketAddress>>> answer;
  loop.Post([&] {
    Resolve(loop, host, port, [&](Result<std::vector<SocketAddress>> found) {
      answer = std::move(found);
      loop.Stop();
    });
    EXPECT_FALSE(answer) << "called from within the call";
  });
  loop.Run();
  return *answer;
}

TEST(Resolver, NumericAddresses) {
  for (std::string host : {"127.0.0.1", "::1"}) {
    auto found = ResolveNow(host, 7000);
    ASSERT_TRUE(found) << found.error().text;
    ASSERT_EQ(found->size(), 1u);
    EXPECT_EQ((*found)[0].Host(), host);
    EXPECT_EQ((*found)[0].Port(), 7000);
  }
}

// A freshly made Debian tree has no /etc/hosts, and then nobody may know the name.
bool IsKnown(const char* host) {
  addrinfo* found = nullptr;
  if (getaddrinfo(host, nullptr, nullptr, &found) != 0) return false;
  freeaddrinfo(found);
  return true;
}

TEST(Resolver, Names) {
  if (!IsKnown("localhost")) GTEST_SKIP() << "this machine does not know localhost";
  auto found = ResolveNow("localhost", 6379);
  ASSERT_TRUE(found) << found.error().text;
  for (const SocketAddress& address : *found) {
    EXPECT_EQ(address.Port(), 6379);
    EXPECT_THAT(address.Host(), testing::AnyOf("127.0.0.1", "::1"));
  }
}

TEST(Resolver, UnknownNamesAreErrors) {
  for (std::string host : {"", "no such name", "a..b", "name.invalid"}) {
    auto found = ResolveNow(host, 1);
    ASSERT_FALSE(found) << host;
    EXPECT_THAT(found.error().text, testing::StartsWith("cannot resolve '" + host + "': "));
  }
}

TEST(SocketAddress, Texts) {
  struct Case {
    std::string host;
    std::uint16_t port;
    std::string text;
  } cases[] = {
      {"127.0.0.1", 6379, "127.0.0.1:6379"}, {"::1", 1, "[::1]:1"}, {"0.0.0.0", 0, "0.0.0.0:0"}};
  for (const Case& c : cases) {
    auto address = SocketAddress::FromNumeric(c.host, c.port);
    ASSERT_TRUE(address) << c.host;
    EXPECT_EQ(address->ToString(), c.text);
    EXPECT_TRUE(SocketAddress::FromNative(address->Native()) == *address);
  }
  for (std::string wrong : {"", "localhost", "1.2.3", "1.2.3.4.5", "[::1]", "::g"}) {
    EXPECT_FALSE(SocketAddress::FromNumeric(wrong, 1)) << wrong;
  }
}

TEST(SocketAddress, PathsOfUnixSockets) {
  auto address = SocketAddress::FromPath("/run/slotway.sock");
  ASSERT_TRUE(address);
  EXPECT_TRUE(address->IsUnix());
  EXPECT_EQ(address->Host(), "/run/slotway.sock");
  EXPECT_EQ(address->ToString(), "/run/slotway.sock:0");
  EXPECT_TRUE(SocketAddress::FromNative(address->Native()) == *address);
  EXPECT_TRUE(SocketAddress::FromPath(std::string(107, 's')));
  EXPECT_FALSE(SocketAddress::FromPath(std::string(108, 's')));
  EXPECT_FALSE(SocketAddress::FromPath(""));
}

}  // namespace
}  // namespace slotway::runtime
