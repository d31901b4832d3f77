// SPDX-License-Identifier: Apache-2.0
#include "runtime/socket_address.h"

#include <gtest/gtest.h>
#include <vector>

namespace slotway::runtime {
namespace {

TEST(SocketAddress, IsEqualIfItLeadsToTheSamePlace) {
  std::vector<SocketAddress> all = {
      *SocketAddress::FromNumeric("127.0.0.1", 6379), *SocketAddress::FromNumeric("127.0.0.1", 6380),
      *SocketAddress::FromNumeric("127.0.0.2", 6379), *SocketAddress::FromNumeric("::1", 6379),
      *SocketAddress::FromNumeric("::1", 6380),       *SocketAddress::FromNumeric("::2", 6379),
      *SocketAddress::FromPath("/run/a.sock"),        *SocketAddress::FromPath("/run/b.sock")};
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < all.size(); ++j) {
      EXPECT_EQ(all[i] == SocketAddress::FromNative(all[j].Native()), i == j)
          << all[i].ToString() << " and " << all[j].ToString();
    }
  }
}

}  // namespace
}  // namespace slotway::runtime
