// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/slot_plan.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>

namespace slotway::proxy {

std::vector<int> WantedCounts(std::span<const SlotShare> shares) {
  double weights = 0;
  int total = 0;
  for (const SlotShare& share : shares) {
    weights += share.weight;
    total += static_cast<int>(share.slots.size());
  }
  std::vector<int> wanted;
  for (const SlotShare& share : shares) {
    wanted.push_back(static_cast<int>(std::floor(total * share.weight / weights)));
  }
  std::vector<std::size_t> order(shares.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  auto surplus = [&](std::size_t i) {
    return static_cast<int>(shares[i].slots.size()) - wanted[i];
  };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return surplus(a) != surplus(b) ? surplus(a) > surplus(b) : shares[a].id < shares[b].id;
  });
  int rest = total - std::accumulate(wanted.begin(), wanted.end(), 0);
  while (rest > 0) {
    for (std::size_t i : order) {
      if (rest == 0 || shares[i].weight <= 0) continue;
      ++wanted[i];
      --rest;
    }
  }
  return wanted;
}

std::vector<SlotMove> PlanMoves(std::span<const SlotShare> shares) {
  const std::vector<int> wanted = WantedCounts(shares);
  std::vector<SlotMove> moves;
  std::size_t receiver = 0;
  std::vector<int> missing;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    missing.push_back(wanted[i] - static_cast<int>(shares[i].slots.size()));
  }
  for (std::size_t giver = 0; giver < shares.size(); ++giver) {
    const std::vector<int>& slots = shares[giver].slots;
    for (auto slot = slots.begin() + std::min<std::ptrdiff_t>(wanted[giver], std::ssize(slots));
         slot != slots.end(); ++slot) {
      while (missing[receiver] <= 0) ++receiver;
      moves.push_back({*slot, shares[giver].id, shares[receiver].id});
      --missing[receiver];
    }
  }
  return moves;
}

std::vector<SlotMove> PlanDrain(std::span<const SlotShare> shares) {
  std::vector<std::pair<std::size_t, std::size_t>> counts;  // slots, place
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (shares[i].weight > 0) counts.emplace_back(shares[i].slots.size(), i);
  }
  std::vector<std::size_t> missing(shares.size());
  for (const SlotShare& share : shares) {
    for (std::size_t i = 0; share.weight <= 0 && i < share.slots.size(); ++i) {
      auto fewest = std::min_element(counts.begin(), counts.end());
      ++missing[fewest->second];
      ++fewest->first;
    }
  }
  std::vector<SlotMove> moves;
  std::size_t receiver = 0;
  for (const SlotShare& share : shares) {
    if (share.weight > 0) continue;
    for (int slot : share.slots) {
      while (missing[receiver] == 0) ++receiver;
      moves.push_back({slot, share.id, shares[receiver].id});
      --missing[receiver];
    }
  }
  return moves;
}

}  // namespace slotway::proxy
