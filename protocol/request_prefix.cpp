// SPDX-License-Identifier: Apache-2.0
#include "protocol/request_prefix.h"

#include <charconv>
#include <cstddef>
#include <optional>

namespace slotway::protocol {
namespace {

// "<type><number>\r\n"; takes it off the front.
std::optional<std::size_t> TakeHeader(char type, std::string_view& rest) {
  const std::size_t end = rest.find("\r\n");
  if (end == std::string_view::npos || rest[0] != type) return std::nullopt;
  std::size_t number = 0;
  auto [stop, error] = std::from_chars(rest.data() + 1, rest.data() + end, number);
  if (error != std::errc() || stop != rest.data() + end) return std::nullopt;
  rest.remove_prefix(end + 2);
  return number;
}

}  // namespace

std::vector<std::string_view> RequestPrefix(std::string_view bytes) {
  std::vector<std::string_view> args;
  const std::optional<std::size_t> count = TakeHeader('*', bytes);
  while (count && args.size() < *count) {
    const std::optional<std::size_t> length = TakeHeader('$', bytes);
    if (!length) break;
    args.push_back(bytes.substr(0, *length));
    if (bytes.size() < *length + 2) break;
    bytes.remove_prefix(*length + 2);
  }
  return args;
}

}  // namespace slotway::protocol
