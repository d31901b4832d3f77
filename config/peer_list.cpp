// SPDX-License-Identifier: Apache-2.0
#include "config/peer_list.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace slotway::config {

runtime::Result<std::vector<PeerAddress>> ParsePeerList(std::string_view text) {
  std::vector<PeerAddress> peers;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    std::string_view host = text.substr(0, end);
    const std::string entry(host);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t colon = host.rfind(':');
    if (colon == std::string_view::npos) return runtime::Fail("'" + entry + "' is no NAME:PORT");
    const std::string_view digits = host.substr(colon + 1);
    host = host.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
      host = host.substr(1, host.size() - 2);
    }
    PeerAddress peer{std::string(host)};
    const auto [stop, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), peer.port);
    const bool is_number = error == std::errc() && stop == digits.data() + digits.size();
    const bool has_blank = host.find_first_of(" \t\r\n") != std::string_view::npos;
    if (!is_number || peer.port == 0 || host.empty() || has_blank) {
      return runtime::Fail("'" + entry + "' is no NAME:PORT");
    }
    peers.push_back(std::move(peer));
  }
  return peers;
}

}  // namespace slotway::config
