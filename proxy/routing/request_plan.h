// SPDX-License-Identifier: Apache-2.0
// How a command travels: decided once per command from its row in the command table.
//
// Immutable after construction; shared by all workers.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/command_table.h"
#include "proxy/reply/reply_join.h"

namespace slotway::proxy {

enum class Route : std::uint8_t {
  kOneKey,     // its only key is args[first_key]: to the owner of that key's slot
  kKeys,       // keys by the key specs, all in one slot
  kSplit,      // keys by the key specs, a part per slot, replies joined
  kAllShards,  // one part per master, replies joined
  kAnyShard,   // any master says it for all
  kComposed,   // an operation of several steps
  kUnsupported,
};

// Whether args[1] is a script, or names one.
enum class ScriptUse : std::uint8_t { kNone, kText, kDigest };

struct OperationContext;

// Begins an operation, which delivers at its place by itself.
using StartOperation = void (*)(const OperationContext&);

// How the proxy composes a command that no single exchange with the shards can do. Rooms above
// bring theirs.
struct Composition {
  std::string_view full_name;                 // as in the command table
  StartOperation always = nullptr;            // instead of any other way
  bool needs_quiet = false;                   // the client's earlier requests are answered before
  StartOperation when_blocking = nullptr;     // for a request that waits
  StartOperation across_slots = nullptr;      // for keys of several slots, if cross_slot allows it
  bool across_slots_writes = false;           // a read, but not by reading alone
  // Whether a request reads keys that its words do not name one by one (SORT's patterns), and what
  // carries it out, if cross_slot allows it; else the shard of its key has a say.
  bool (*reads_more)(std::span<const std::string_view>) = nullptr;
  StartOperation when_reading_more = nullptr;
  // Whether a shard that has no others beside it answers a request as the whole does: then it may
  // stand anywhere in a transaction there.
  bool (*suits_lone_shard)(std::span<const std::string_view>) = nullptr;
};

struct RequestPlan {
  Route route = Route::kUnsupported;
  MergeRule merge = MergeRule::kAllSucceeded;
  std::uint8_t first_key = 0;
  std::uint8_t args_per_key = 1;  // kSplit: MSET takes two
  bool is_readonly = false;
  bool may_use_replica = false;  // what it reads is on replicas, too
  bool may_block = false;    // see Router::Blocks()
  bool needs_quiet = false;  // taken when all that its client asked before has been answered
  bool is_slow = false;    // may keep a shard busy: takes the slow lane
  bool is_plain = false;   // kOneKey, and nothing of the above: whoever may send it just sends it
  std::string_view refusal = {};  // kUnsupported: the error
  bool is_learned = false;     // the table has no row of it
  bool may_lack_keys = false;  // kKeys: routing.keyless_scripts says where it goes then
  ScriptUse script_use = ScriptUse::kNone;
  StartOperation start = nullptr;               // kComposed
  StartOperation start_blocking = nullptr;      // kKeys, of a request that waits
  StartOperation start_across_slots = nullptr;  // kKeys; nullptr: CROSSSLOT
  bool across_slots_writes = false;             // needs cross_slot: all
  bool (*reads_more)(std::span<const std::string_view>) = nullptr;  // see Composition
  StartOperation start_reading_more = nullptr;
  bool (*suits_lone_shard)(std::span<const std::string_view>) = nullptr;  // see Composition
};

// The plan for a command that is not answered by the proxy itself.
RequestPlan PlanOf(const protocol::CommandSpec& spec);

// The plans of all commands, by id.
std::vector<RequestPlan> PlanAllCommands(std::span<const Composition> compositions = {});

// "ERR Slotway does not support 'eval' without keys yet"; `how` is empty or a phrase with a space
// before it.
std::string UnsupportedText(std::string_view full_name, std::string_view how = {});

}  // namespace slotway::proxy
