// SPDX-License-Identifier: Apache-2.0
// What to do about a slot whose move was interrupted, or that nobody owns.
//
// Pure. A move that has begun is finished, never turned back: keys may be on both sides, and each
// is on at least one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace slotway::proxy {

// All ids are of masters that can be reached, unless something else is said.
struct TroubledSlot {
  int slot = 0;
  std::string owner;                          // empty: nobody
  std::string migrating_to;                   // as its owner says; may be anybody's id, or empty
  std::vector<std::string> importing;         // who says that it comes to them
  std::vector<std::string> leaving;           // who says that it goes from them, the owner or not
  std::map<std::string, std::uint64_t> keys;  // of the slot, at each master
  std::map<std::string, int> slot_counts;     // of each master
};

struct SlotRepair {
  int slot = 0;
  std::string owner;                 // the one at the end
  bool is_unowned = false;           // ADDSLOTS makes it the owner
  std::string moves_from;            // the owner of now, if it is another one
  std::vector<std::string> strays;   // others that hold keys, which go to the owner first
  std::vector<std::string> settles;  // where a mark of a move is to be taken away
};

SlotRepair PlanRepair(const TroubledSlot& trouble);

}  // namespace slotway::proxy
