// SPDX-License-Identifier: Apache-2.0
// Entries of an ElasticTable by lot.
#pragma once

#include <unordered_set>
#include <vector>

#include "storage/memory/elastic_table.h"
#include "storage/memory/random_choice.h"

namespace slotway::storage {

template <class RandomFn>
Spot ElasticTable::RandomSpot(RandomFn&& next) const {
  if (!directory_) return root_.RandomSpot(next);
  // A node drawn evenly is taken with a chance that grows with its size. Nodes are about half full,
  // so a few draws suffice, unless most entries have been erased; or some nodes may be larger.
  constexpr int kDrawsMax = 32;
  const std::vector<Node>& nodes = directory_->nodes;
  for (int draw = 0; draw < kDrawsMax && directory_->depth < kMaxDepth; ++draw) {
    const BucketTable& table = nodes[next() % nodes.size()].table;
    if (next() % kSplitEntries < table.size()) return table.RandomSpot(next);
  }
  std::uint64_t nth = next() % directory_->size;
  for (const Node& node : nodes) {
    if (nth < node.table.size()) return node.table.RandomSpot(next);
    nth -= node.table.size();
  }
  return {};
}

template <class RandomFn, class VisitFn>
void ElasticTable::VisitRandomDistinct(std::size_t count, RandomFn&& next, VisitFn&& visit) const {
  // Drawing again what was drawn already costs little while it is rare.
  constexpr std::size_t kRare = 3;
  if (count < size() / kRare) {
    std::unordered_set<ArenaRef> drawn;
    while (drawn.size() < count) {
      const Spot spot = RandomSpot(next);
      if (drawn.insert(spot.ref()).second) visit(spot);
    }
    return;
  }
  Selection selection(count, size());
  ForEach([&](Spot spot) {
    if (selection.TakesNext(next)) visit(spot);
  });
}

}  // namespace slotway::storage
