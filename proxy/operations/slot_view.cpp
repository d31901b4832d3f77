// SPDX-License-Identifier: Apache-2.0
#include "proxy/operations/slot_view.h"

#include <charconv>

namespace slotway::proxy {
namespace {

// "[93->-292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f]": slot 93 is being migrated to that node.
void ReadMigration(std::string_view word, SlotView& view) {
  auto arrow = word.find("->-");
  if (!word.starts_with('[') || !word.ends_with(']') || arrow == std::string_view::npos) return;
  std::string_view digits = word.substr(1, arrow - 1);
  std::string_view id = word.substr(arrow + 3, word.size() - arrow - 4);
  int slot = -1;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), slot);
  bool is_number = error == std::errc() && end == digits.data() + digits.size();
  if (!is_number || slot < 0 || slot >= protocol::kSlotCount) return;
  view.whole.reset(static_cast<std::size_t>(slot));
  for (const protocol::ClusterNode& node : view.nodes.nodes) {
    if (node.id == id) view.migrating_to[slot] = node.endpoint;
  }
}

}  // namespace

std::optional<protocol::Endpoint> SlotView::WhereElse(int slot) const {
  auto target = migrating_to.find(slot);
  if (target != migrating_to.end()) return target->second;
  const protocol::ClusterNode* owner = nodes.OwnerOf(static_cast<protocol::Slot>(slot));
  if (owner == nullptr || owner->is_asked) return std::nullopt;
  return owner->endpoint;
}

std::optional<SlotView> ParseSlotView(std::string_view text) {
  SlotView view;
  auto nodes = protocol::ParseClusterNodes(text, {"0.0.0.0", 1});
  if (!nodes) return std::nullopt;
  view.nodes = std::move(*nodes);
  for (int slot = 0; slot < protocol::kSlotCount; ++slot) {
    const protocol::ClusterNode* owner = view.nodes.OwnerOf(static_cast<protocol::Slot>(slot));
    if (owner != nullptr && owner->is_asked) view.whole.set(static_cast<std::size_t>(slot));
  }
  while (!text.empty()) {
    auto line_end = text.find('\n');
    std::string_view line = text.substr(0, line_end);
    text.remove_prefix(line_end == std::string_view::npos ? text.size() : line_end + 1);
    if (line.find("myself") == std::string_view::npos) continue;
    while (!line.empty()) {
      auto word_end = line.find(' ');
      ReadMigration(line.substr(0, word_end), view);
      line.remove_prefix(word_end == std::string_view::npos ? line.size() : word_end + 1);
    }
  }
  return view;
}

}  // namespace slotway::proxy
