// SPDX-License-Identifier: Apache-2.0
#include "config/network.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstddef>
#include <optional>

#include "config/quantity.h"

namespace slotway::config {
namespace {

struct Bits {
  std::array<unsigned char, 16> bytes{};
  int count = 0;  // 32 or 128
};

std::optional<Bits> BitsOf(std::string_view address) {
  // How a socket for both families names a client of IPv4.
  constexpr std::string_view kMapped = "::ffff:";
  if (address.starts_with(kMapped) && address.find('.') != std::string_view::npos) {
    address.remove_prefix(kMapped.size());
  }
  std::string text(address);
  Bits bits;
  if (inet_pton(AF_INET, text.c_str(), bits.bytes.data()) == 1) {
    bits.count = 32;
  } else if (inet_pton(AF_INET6, text.c_str(), bits.bytes.data()) == 1) {
    bits.count = 128;
  } else {
    return std::nullopt;
  }
  return bits;
}

struct Network {
  Bits address;
  int prefix = 0;
};

std::optional<Network> NetworkOf(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = BitsOf(text.substr(0, slash));
  if (address && slash == std::string_view::npos) return Network{*address, address->count};
  if (slash == std::string_view::npos) return std::nullopt;
  const auto prefix = ParseInteger(text.substr(slash + 1));
  if (!address || !prefix || *prefix < 0 || *prefix > address->count) return std::nullopt;
  return Network{*address, static_cast<int>(*prefix)};
}

bool Holds(const Network& network, const Bits& host) {
  if (network.address.count != host.count) return false;
  for (int bit = 0; bit < network.prefix; ++bit) {
    auto byte = static_cast<size_t>(bit / 8);
    if (((network.address.bytes[byte] ^ host.bytes[byte]) >> (7 - bit % 8)) & 1) return false;
  }
  return true;
}

}  // namespace

bool IsNetwork(std::string_view text) { return NetworkOf(text).has_value(); }

bool NetworkHolds(std::string_view network, std::string_view host) {
  const auto read = NetworkOf(network);
  const auto bits = BitsOf(host);
  return read && bits && Holds(*read, *bits);
}

bool IsWelcome(const std::vector<std::string>& allowed, const std::vector<std::string>& denied,
               std::string_view host) {
  const auto is_in = [&](const std::string& network) { return NetworkHolds(network, host); };
  if (std::any_of(denied.begin(), denied.end(), is_in)) return false;
  return allowed.empty() || std::any_of(allowed.begin(), allowed.end(), is_in);
}

}  // namespace slotway::config
