// SPDX-License-Identifier: Apache-2.0
#include "protocol/command.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>

namespace slotway::protocol {
namespace {

// The names stand in the order of the bits.
constexpr auto kCommandFlagNames = std::to_array<std::string_view>({
    "write",    "readonly",     "denyoom",           "admin",
    "pubsub",   "noscript",     "blocking",          "loading",
    "stale",    "skip_monitor", "skip_slowlog",      "asking",
    "fast",     "no_auth",      "no_mandatory_keys", "no_async_loading",
    "no_multi", "movablekeys",  "allow_busy",
});
constexpr auto kAclCategoryNames = std::to_array<std::string_view>({
    "keyspace", "read",   "write",       "set",       "sortedset",  "list",        "hash",
    "string",   "bitmap", "hyperloglog", "geo",       "stream",     "pubsub",      "admin",
    "fast",     "slow",   "blocking",    "dangerous", "connection", "transaction", "scripting",
});
constexpr auto kKeyFlagNames = std::to_array<std::string_view>({
    "RO",
    "RW",
    "OW",
    "RM",
    "access",
    "update",
    "insert",
    "delete",
    "not_key",
    "incomplete",
    "variable_flags",
});

// These stand in the order of their enums; the default has no name.
constexpr auto kRequestPolicyNames =
    std::to_array<std::string_view>({"", "all_nodes", "all_shards", "multi_shard", "special"});
constexpr auto kResponsePolicyNames =
    std::to_array<std::string_view>({"", "one_succeeded", "all_succeeded", "agg_logical_and",
                                     "agg_logical_or", "agg_min", "agg_max", "agg_sum", "special"});

static_assert(static_cast<std::uint32_t>(CommandFlag::kAllowBusy) ==
              1u << (kCommandFlagNames.size() - 1));
static_assert(static_cast<std::uint32_t>(AclCategory::kScripting) ==
              1u << (kAclCategoryNames.size() - 1));
static_assert(static_cast<std::size_t>(RequestPolicy::kSpecial) == kRequestPolicyNames.size() - 1);
static_assert(static_cast<std::size_t>(ResponsePolicy::kSpecial) ==
              kResponsePolicyNames.size() - 1);
static_assert(static_cast<std::uint32_t>(KeyFlag::kVariableFlags) ==
              1u << (kKeyFlagNames.size() - 1));

template <class Flag, std::size_t N>
std::string_view NameOf(const std::array<std::string_view, N>& names, Flag flag) {
  auto bit = static_cast<std::size_t>(std::countr_zero(static_cast<std::uint32_t>(flag)));
  return bit < N ? names[bit] : std::string_view{};
}

char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool IsKeyRange(const KeySpec& spec) {
  return spec.begin == KeySpec::Begin::kIndex && spec.find == KeySpec::Find::kRange;
}

// Whether a client that knows only the old key range would miss a key.
bool HasMovableKeys(const CommandSpec& row) {
  return !std::all_of(row.key_specs.begin(), row.key_specs.end(), IsKeyRange);
}

// Joins the specs at fixed places, as long as each begins where the one before ended.
void FillOldKeyRange(CommandSpec& row) {
  row.first_key = row.last_key = row.key_step = 0;
  for (const KeySpec& spec : row.key_specs) {
    if (!IsKeyRange(spec)) continue;
    bool is_first = row.first_key == 0;
    if (!is_first && (spec.index != row.last_key + 1 || spec.key_step != row.key_step)) continue;
    if (is_first) {
      row.first_key = spec.index;
      row.key_step = spec.key_step;
    }
    auto end = static_cast<std::int16_t>(spec.index + spec.last_key);
    row.last_key = spec.last_key < 0 ? spec.last_key : end;
  }
}

std::int16_t FixedFirstKey(const CommandSpec& row) {
  if (row.key_specs.empty() || row.key_finder == KeyFinder::kMigrate) return 0;
  const KeySpec& first = row.key_specs.front();
  return IsKeyRange(first) && !first.flags.Has(KeyFlag::kNotKey) ? first.index : std::int16_t{0};
}

FlagSet<AclCategory> ImpliedCategories(const CommandSpec& row) {
  FlagSet<AclCategory> implied;
  auto imply = [&](bool holds, FlagSet<AclCategory> categories) {
    if (holds) implied = implied | categories;
  };
  imply(row.IsWrite(), AclCategory::kWrite);
  imply(row.IsReadonly() && !row.categories.Has(AclCategory::kScripting), AclCategory::kRead);
  imply(row.flags.Has(CommandFlag::kAdmin), AclCategory::kAdmin | AclCategory::kDangerous);
  imply(row.flags.Has(CommandFlag::kPubsub), AclCategory::kPubsub);
  imply(row.flags.Has(CommandFlag::kBlocking), AclCategory::kBlocking);
  imply(true, row.flags.Has(CommandFlag::kFast) ? AclCategory::kFast : AclCategory::kSlow);
  return implied;
}

}  // namespace

CommandSpec CompleteRow(const CommandSpec& row) {
  CommandSpec complete = row;
  FillOldKeyRange(complete);
  complete.fixed_first_key = FixedFirstKey(row);
  if (HasMovableKeys(row)) complete.flags = complete.flags | CommandFlag::kMovablekeys;
  complete.categories = complete.categories | ImpliedCategories(row);
  return complete;
}

std::string_view CommandFlagName(CommandFlag flag) { return NameOf(kCommandFlagNames, flag); }
std::string_view AclCategoryName(AclCategory category) {
  return NameOf(kAclCategoryNames, category);
}
std::span<const AclCategory> AllAclCategories() {
  static constexpr auto kAll = [] {
    std::array<AclCategory, kAclCategoryNames.size()> all{};
    for (std::size_t bit = 0; bit < all.size(); ++bit) all[bit] = AclCategory{1u << bit};
    return all;
  }();
  return kAll;
}
std::string_view KeyFlagName(KeyFlag flag) { return NameOf(kKeyFlagNames, flag); }

std::string_view RequestPolicyName(RequestPolicy policy) {
  return kRequestPolicyNames[static_cast<std::size_t>(policy)];
}
std::string_view ResponsePolicyName(ResponsePolicy policy) {
  return kResponsePolicyNames[static_cast<std::size_t>(policy)];
}

FlagSet<AclCategory> AclCategoryByName(std::string_view name) {
  FlagSet<AclCategory> found;
  for (std::size_t bit = 0; bit < kAclCategoryNames.size(); ++bit) {
    if (std::ranges::equal(name, kAclCategoryNames[bit], {}, ToLower)) found.bits = 1u << bit;
  }
  return found;
}

}  // namespace slotway::protocol
