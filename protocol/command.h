// SPDX-License-Identifier: Apache-2.0
// What is known of one command: a row of the command table, and the vocabulary of its columns.
//
// Source: the COMMAND, COMMAND DOCS and command tips pages of the Redis documentation. Rows are
// constant data; every view points at static storage. Rows are written without the columns that
// follow from others; CompleteRow() fills those in.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace slotway::protocol {

// One bit per flag that COMMAND INFO shows; CommandFlagName() gives the text.
enum class CommandFlag : std::uint32_t {
  kWrite = 1u << 0,
  kReadonly = 1u << 1,
  kDenyoom = 1u << 2,
  kAdmin = 1u << 3,
  kPubsub = 1u << 4,
  kNoscript = 1u << 5,
  kBlocking = 1u << 6,
  kLoading = 1u << 7,
  kStale = 1u << 8,
  kSkipMonitor = 1u << 9,
  kSkipSlowlog = 1u << 10,
  kAsking = 1u << 11,
  kFast = 1u << 12,
  kNoAuth = 1u << 13,
  kNoMandatoryKeys = 1u << 14,
  kNoAsyncLoading = 1u << 15,
  kNoMulti = 1u << 16,
  kMovablekeys = 1u << 17,
  kAllowBusy = 1u << 18,
};

enum class AclCategory : std::uint32_t {
  kKeyspace = 1u << 0,
  kRead = 1u << 1,
  kWrite = 1u << 2,
  kSet = 1u << 3,
  kSortedset = 1u << 4,
  kList = 1u << 5,
  kHash = 1u << 6,
  kString = 1u << 7,
  kBitmap = 1u << 8,
  kHyperloglog = 1u << 9,
  kGeo = 1u << 10,
  kStream = 1u << 11,
  kPubsub = 1u << 12,
  kAdmin = 1u << 13,
  kFast = 1u << 14,
  kSlow = 1u << 15,
  kBlocking = 1u << 16,
  kDangerous = 1u << 17,
  kConnection = 1u << 18,
  kTransaction = 1u << 19,
  kScripting = 1u << 20,
};

// What a command does with the keys of one key spec; KeyFlagName() gives the text.
enum class KeyFlag : std::uint16_t {
  kReadOnly = 1u << 0,   // RO
  kReadWrite = 1u << 1,  // RW
  kOverwrite = 1u << 2,  // OW
  kRemove = 1u << 3,     // RM
  kAccess = 1u << 4,
  kUpdate = 1u << 5,
  kInsert = 1u << 6,
  kDelete = 1u << 7,
  kNotKey = 1u << 8,
  kIncomplete = 1u << 9,
  kVariableFlags = 1u << 10,
};

// A set of the flags of one of the enums above.
template <class Flag>
struct FlagSet {
  std::uint32_t bits = 0;
  constexpr FlagSet() = default;
  constexpr FlagSet(Flag flag) : bits(static_cast<std::uint32_t>(flag)) {}
  constexpr bool Has(Flag flag) const { return (bits & static_cast<std::uint32_t>(flag)) != 0; }
  constexpr bool operator==(const FlagSet&) const = default;
  friend constexpr FlagSet operator|(FlagSet a, FlagSet b) {
    a.bits |= b.bits;
    return a;
  }
};
constexpr FlagSet<CommandFlag> operator|(CommandFlag a, CommandFlag b) {
  return FlagSet<CommandFlag>(a) | FlagSet<CommandFlag>(b);
}
constexpr FlagSet<AclCategory> operator|(AclCategory a, AclCategory b) {
  return FlagSet<AclCategory>(a) | FlagSet<AclCategory>(b);
}
constexpr FlagSet<KeyFlag> operator|(KeyFlag a, KeyFlag b) {
  return FlagSet<KeyFlag>(a) | FlagSet<KeyFlag>(b);
}

// Where the keys of one spec begin and how they go on.
struct KeySpec {
  enum class Begin : std::uint8_t { kUnknown, kIndex, kKeyword };
  enum class Find : std::uint8_t { kUnknown, kRange, kKeynum };

  FlagSet<KeyFlag> flags = {};
  Begin begin = Begin::kUnknown;
  std::int16_t index = 0;         // kIndex
  std::string_view keyword = {};  // kKeyword
  std::int16_t start_from = 0;    // kKeyword: negative searches backwards from the end
  Find find = Find::kUnknown;
  std::int16_t last_key = 0;      // kRange: relative to the first; negative from the end
  std::int16_t key_step = 1;      // both
  std::int16_t limit = 0;         // kRange: 0, 1 none; n stops after 1/n of the rest
  std::int16_t keynum_index = 0;  // kKeynum: position of the count, relative to the beginning
  std::int16_t first_key = 0;     // kKeynum: relative to the beginning
  std::string_view notes = {};    // shown by COMMAND INFO
};

// Who finds the keys of a request: the row's key specs, or a function where they do not suffice.
enum class KeyFinder : std::uint8_t {
  kSpecs,
  kSet,        // the specs; GET among the options decides the flags
  kBitfield,   // the specs; the operations decide the flags
  kSort,       // STORE may stand anywhere
  kGeoradius,  // STORE and STOREDIST stand among options
  kMigrate,    // one key, or all behind KEYS
  kStreams,    // XREAD, XREADGROUP: first half of what follows STREAMS
};

// Where a blocking command says how long it may wait; protocol/block_timeout reads it.
enum class TimeoutPlace : std::uint8_t {
  kNone,
  kFirstSeconds,  // the first argument, in seconds, with a fraction
  kLastSeconds,
  kLastMs,
  kBlockOptionMs,  // behind BLOCK, before STREAMS; without it the command does not wait
};

// To which nodes a command goes, beyond what its keys say (tip request_policy).
enum class RequestPolicy : std::uint8_t { kDefault, kAllNodes, kAllShards, kMultiShard, kSpecial };

// How several replies become one (tip response_policy).
enum class ResponsePolicy : std::uint8_t {
  kDefault,
  kOneSucceeded,
  kAllSucceeded,
  kAggLogicalAnd,
  kAggLogicalOr,
  kAggMin,
  kAggMax,
  kAggSum,
  kSpecial,
};

// Every row of the table, subcommands included, has an id: dense, from 0 on, stable within one
// build. For arrays of handlers and counters.
using CommandId = std::uint16_t;

// One row. A subcommand has a row of its own, named "container|subcommand".
struct CommandSpec {
  static constexpr CommandId kNoId = 0xffff;

  std::string_view name;  // lower case
  std::int16_t arity;     // with the name; negative: at least
  FlagSet<CommandFlag> flags = {};
  FlagSet<AclCategory> categories = {};
  std::int16_t first_key = 0;  // the old key range, as COMMAND shows it; derived
  std::int16_t last_key = 0;
  std::int16_t key_step = 0;
  std::span<const KeySpec> key_specs = {};
  KeyFinder key_finder = KeyFinder::kSpecs;
  TimeoutPlace timeout = TimeoutPlace::kNone;
  std::int16_t fixed_first_key = 0;  // where the first key always is, 0 if that varies; derived
  RequestPolicy request_policy = RequestPolicy::kDefault;
  ResponsePolicy response_policy = ResponsePolicy::kDefault;
  std::span<const std::string_view> other_tips = {};  // nondeterministic_output, ...
  std::span<const CommandSpec> subcommands = {};
  std::string_view group = {};    // for COMMAND DOCS: "string", "generic", ...
  std::string_view since = {};    // first Redis version
  std::string_view summary = {};  // one sentence of ours
  CommandId id = kNoId;           // of a row of the table; given there

  bool IsWrite() const { return flags.Has(CommandFlag::kWrite); }
  bool IsReadonly() const { return flags.Has(CommandFlag::kReadonly); }
  // Whether `argc` arguments, the name included, satisfy the arity.
  bool ArityFits(std::size_t argc) const {
    auto n = static_cast<std::int64_t>(argc);
    return arity >= 0 ? n == arity : n >= -arity;
  }
};

// Adds what follows from the other columns: the old key range, fixed_first_key, the flag
// movablekeys, and the categories that flags imply (write: @write; admin: @admin, @dangerous; not
// fast: @slow; ...).
CommandSpec CompleteRow(const CommandSpec& row);

std::string_view CommandFlagName(CommandFlag flag);
std::string_view AclCategoryName(AclCategory category);  // without '@'
std::span<const AclCategory> AllAclCategories();         // in the order of their bits
std::string_view KeyFlagName(KeyFlag flag);
// As the command tips name them; empty for kDefault.
std::string_view RequestPolicyName(RequestPolicy policy);
std::string_view ResponsePolicyName(ResponsePolicy policy);
// The category of that name, ignoring case, without '@'; an empty set if there is none.
FlagSet<AclCategory> AclCategoryByName(std::string_view name);

}  // namespace slotway::protocol
