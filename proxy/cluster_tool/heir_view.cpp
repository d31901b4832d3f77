// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/heir_view.h"

#include <algorithm>

namespace slotway::proxy {
namespace {

using protocol::RespValue;

// Of a map, which RESP2 writes as a list of keys and values; an empty value if there is none.
const RespValue& Field(const RespValue& map, std::string_view key) {
  static const RespValue kNothing;
  for (std::size_t i = 0; i + 1 < map.elements.size(); i += 2) {
    if (map.elements[i].text == key) return map.elements[i + 1];
  }
  return kNothing;
}

bool Is(const RespValue& node, std::string_view key, std::string_view text) {
  return Field(node, key).text == text;
}

}  // namespace

HeirView ReadHeir(const RespValue& shards, std::string_view master_id) {
  HeirView view = HeirView::kNobody;
  for (const RespValue& shard : shards.elements) {
    const std::vector<RespValue>& nodes = Field(shard, "nodes").elements;
    const bool is_mine = std::any_of(nodes.begin(), nodes.end(), [&](const RespValue& node) {
      return Is(node, "id", master_id) && Is(node, "role", "master");
    });
    for (const RespValue& node : nodes) {
      if (!is_mine || !Is(node, "role", "replica") || Is(node, "health", "fail")) continue;
      if (Field(node, "replication-offset").integer > 0) return HeirView::kReady;
      view = HeirView::kUnheard;
    }
  }
  return view;
}

}  // namespace slotway::proxy
