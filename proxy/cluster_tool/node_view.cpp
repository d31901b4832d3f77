// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/node_view.h"

#include <algorithm>
#include <charconv>
#include <vector>

namespace slotway::proxy {
namespace {

using runtime::Fail;
using runtime::Result;

constexpr std::size_t kFlagsField = 2;

std::vector<std::string_view> Fields(std::string_view line) {
  std::vector<std::string_view> fields;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    if (end != 0) fields.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return fields;
}

bool HasFlag(std::string_view flags, std::string_view flag) {
  while (!flags.empty()) {
    const std::size_t end = std::min(flags.find(','), flags.size());
    if (flags.substr(0, end) == flag) return true;
    flags.remove_prefix(std::min(end + 1, flags.size()));
  }
  return false;
}

// "[12->-id]": slot 12 goes to that node; "[12-<-id]": it comes from there.
bool ReadOpenSlot(std::string_view field, NodeView& view) {
  if (!field.ends_with(']')) return false;
  field = field.substr(1, field.size() - 2);
  int slot = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), slot);
  if (error != std::errc() || slot < 0 || slot >= protocol::kSlotCount) return false;
  field.remove_prefix(static_cast<std::size_t>(end - field.data()));
  const bool is_leaving = field.starts_with("->-");
  if (!is_leaving && !field.starts_with("-<-")) return false;
  (is_leaving ? view.migrating_to : view.importing_from)[slot] = field.substr(3);
  return true;
}

}  // namespace

const protocol::ClusterNode* NodeView::Find(std::string_view id) const {
  for (const protocol::ClusterNode& node : topology.nodes) {
    if (node.id == id) return &node;
  }
  return nullptr;
}

int NodeView::CountSlotsOf(std::string_view id) const {
  return static_cast<int>(std::count_if(
      topology.owner_of_slot.begin(), topology.owner_of_slot.end(), [&](std::uint16_t owner) {
        return owner != protocol::kNoNode && topology.nodes[owner].id == id;
      }));
}

std::string NodeView::Digest() const {
  std::map<std::string, std::string> lines;
  for (const protocol::ClusterNode& node : topology.nodes) {
    lines[node.id] = node.is_master ? "master" : "replica of " + node.master_id;
  }
  for (int slot = 0; slot < protocol::kSlotCount; ++slot) {
    const protocol::ClusterNode* owner = topology.OwnerOf(protocol::Slot(slot));
    if (owner == nullptr) continue;
    const bool begins = slot == 0 || topology.OwnerOf(protocol::Slot(slot - 1)) != owner;
    const bool ends =
        slot == protocol::kSlotCount - 1 || topology.OwnerOf(protocol::Slot(slot + 1)) != owner;
    if (begins) lines[owner->id] += " " + std::to_string(slot);
    if (ends) lines[owner->id] += "-" + std::to_string(slot);
  }
  std::string digest;
  for (const auto& [id, line] : lines) digest += id + " " + line + "\n";
  return digest;
}

Result<NodeView> ParseNodeView(std::string_view text, const protocol::Endpoint& asked) {
  auto topology = protocol::ParseClusterNodes(text, asked);
  if (!topology) return Fail("CLUSTER NODES: " + topology.error());
  NodeView view;
  view.topology = std::move(*topology);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::vector<std::string_view> fields = Fields(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (fields.size() <= kFlagsField) continue;
    if (HasFlag(fields[kFlagsField], "handshake")) view.has_handshakes = true;
    if (!HasFlag(fields[kFlagsField], "myself")) continue;
    view.my_id = fields[0];
    for (std::string_view field : fields) {
      if (field.starts_with('[') && !ReadOpenSlot(field, view)) {
        return Fail("CLUSTER NODES: cannot read '" + std::string(field) + "'");
      }
    }
  }
  if (view.Find(view.my_id) == nullptr) return Fail("CLUSTER NODES does not name the node itself");
  return view;
}

}  // namespace slotway::proxy
