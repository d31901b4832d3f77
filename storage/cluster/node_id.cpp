// SPDX-License-Identifier: Apache-2.0
#include "storage/cluster/node_id.h"

#include <algorithm>
#include <utility>

namespace slotway::storage::cluster {
namespace {

constexpr std::array<std::pair<NodeFlag, std::string_view>, 8> kFlagNames{{
    {NodeFlag::kMyself, "myself"},
    {NodeFlag::kMaster, "master"},
    {NodeFlag::kReplica, "slave"},
    {NodeFlag::kSuspected, "fail?"},
    {NodeFlag::kFailed, "fail"},
    {NodeFlag::kHandshake, "handshake"},
    {NodeFlag::kNoAddress, "noaddr"},
    {NodeFlag::kNoFailover, "nofailover"},
}};
constexpr std::string_view kNoFlags = "noflags";

bool IsLowerHexDigit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

}  // namespace

std::optional<NodeId> NodeId::Parse(std::string_view text) {
  if (text.size() != kLength || !std::all_of(text.begin(), text.end(), IsLowerHexDigit)) {
    return std::nullopt;
  }
  NodeId id;
  std::copy(text.begin(), text.end(), id.text_.begin());
  return id;
}

NodeId NodeId::FromRandomBytes(const std::array<std::uint8_t, 20>& bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  NodeId id;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    id.text_[2 * i] = kDigits[bytes[i] >> 4];
    id.text_[2 * i + 1] = kDigits[bytes[i] & 15];
  }
  return id;
}

std::string FlagsText(NodeFlags flags) {
  std::string text;
  for (const auto& [flag, name] : kFlagNames) {
    if (!flags.Has(flag)) continue;
    if (!text.empty()) text += ',';
    text += name;
  }
  return text.empty() ? std::string(kNoFlags) : text;
}

std::optional<NodeFlags> ParseFlags(std::string_view text) {
  NodeFlags flags;
  while (true) {
    std::size_t comma = text.find(',');
    std::string_view word = text.substr(0, comma);
    auto known = std::find_if(kFlagNames.begin(), kFlagNames.end(),
                              [&](const auto& row) { return row.second == word; });
    if (known != kFlagNames.end()) {
      flags.Set(known->first);
    } else if (word != kNoFlags) {
      return std::nullopt;
    }
    if (comma == std::string_view::npos) return flags;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace slotway::storage::cluster
