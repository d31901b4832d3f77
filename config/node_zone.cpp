// SPDX-License-Identifier: Apache-2.0
// Which zone a node is in, by its host or by the network that it is part of.
#include <arpa/inet.h>
#include <array>
#include <cstddef>
#include <optional>

#include "config/backend_config.h"
#include "config/quantity.h"

namespace slotway::config {
namespace {

struct Bits {
  std::array<unsigned char, 16> bytes{};
  int count = 0;  // 32 or 128
};

std::optional<Bits> BitsOf(std::string_view address) {
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
  size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  auto address = BitsOf(text.substr(0, slash));
  auto prefix = ParseInteger(text.substr(slash + 1));
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

bool IsNodePattern(std::string_view nodes) {
  if (nodes.find('/') != std::string_view::npos) return NetworkOf(nodes).has_value();
  return !nodes.empty() && nodes.find_first_of(" \t\r\n") == std::string_view::npos;
}

std::string_view ZoneOfNode(const std::vector<NodeZone>& zones, std::string_view host) {
  auto bits = BitsOf(host);
  for (const NodeZone& entry : zones) {
    if (entry.nodes == host) return entry.zone;
    auto network = NetworkOf(entry.nodes);
    if (network && bits && Holds(*network, *bits)) return entry.zone;
  }
  return {};
}

}  // namespace slotway::config
