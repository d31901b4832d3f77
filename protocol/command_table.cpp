// SPDX-License-Identifier: Apache-2.0
//
// The table is built once, at its first use: the rows of all families are completed, sorted by
// name, each container's subcommands right behind it, and copied into one array whose index is the
// CommandId. All names, a subcommand's under its container, share one perfect hash of the
// hash-and-displace kind: a bucket's displacement was chosen at build time so that no two names
// meet in a slot. A lookup therefore reads one displacement and one slot, and compares once.
#include "protocol/command_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "protocol/command_rows/command_family.h"

namespace slotway::protocol {
namespace {

constexpr std::size_t kRowsMax = 448;
constexpr std::size_t kNameLengthMax = 24;
constexpr std::size_t kBucketCount = 128;
constexpr std::size_t kSlotsOfHash = 512;
constexpr std::uint32_t kDisplacementMax = 0xffff;
constexpr int kSeedsTried = 64;
constexpr std::uint64_t kCaseBits = 0x2020202020202020;
constexpr std::uint64_t kTagFactor = 0x9e3779b97f4a7c15;

// A name of 1 to 24 bytes in three words. Longer names are read as overlapping words, so that no
// byte outside the name is touched.
struct NameWords {
  std::uint64_t head = 0;
  std::uint64_t tail = 0;
  std::uint64_t middle = 0;
};

template <class Word>
std::uint64_t Load(const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

inline NameWords ReadWords(std::string_view name) {
  const char* p = name.data();
  std::size_t length = name.size();
  NameWords words;
  if (length >= 8) {
    words.head = Load<std::uint64_t>(p);
    words.tail = Load<std::uint64_t>(p + length - 8);
    if (length > 16) words.middle = Load<std::uint64_t>(p + 8);
  } else if (length >= 4) {
    words.head = Load<std::uint32_t>(p) | Load<std::uint32_t>(p + length - 4) << 32;
  } else {
    words.head = Load<std::uint8_t>(p) | Load<std::uint8_t>(p + length / 2) << 8 |
                 Load<std::uint8_t>(p + length - 1) << 16;
  }
  return words;
}

// What a name has beside its letters. `scope` is 0 at the top level, else the container's id + 1.
inline std::uint64_t TagOf(std::size_t length, std::uint64_t scope) { return scope << 8 | length; }

// `factor` is odd. The high bits are the mixed ones. Middles are left out: names that differ in
// nothing else would be found out when the table is built.
inline std::uint64_t HashName(const NameWords& words, std::uint64_t tag, std::uint64_t factor) {
  std::uint64_t letters = (words.head | kCaseBits) + std::rotl(words.tail | kCaseBits, 23);
  return (letters ^ tag * kTagFactor) * factor;
}

inline std::size_t BucketOf(std::uint64_t hash) { return hash >> 57; }
inline std::size_t SlotOf(std::uint64_t hash, std::uint32_t displacement) {
  return ((hash >> 48) + displacement * (hash >> 39 | 1)) % kSlotsOfHash;
}
static_assert(kBucketCount == 1 << (64 - 57));

// What a name is compared with, and what it names: one cache line. `compared` lacks the case bit
// where the name has a letter: there, and only there, both cases match.
struct alignas(64) NameSlot {
  NameWords words;
  NameWords compared;
  std::uint64_t tag = 0;  // 0 in an empty slot, which matches nothing: no name has length 0
  const CommandSpec* row = nullptr;

  bool Matches(const NameWords& other, std::uint64_t other_tag) const {
    return (((words.head ^ other.head) & compared.head) |
            ((words.tail ^ other.tail) & compared.tail) |
            ((words.middle ^ other.middle) & compared.middle) | (tag ^ other_tag)) == 0;
  }
};
static_assert(sizeof(NameSlot) == 64);

std::uint64_t ComparedBits(std::uint64_t word) {
  std::uint64_t compared = ~std::uint64_t{0};
  for (int shift = 0; shift < 64; shift += 8) {
    auto byte = static_cast<unsigned char>(word >> shift);
    if (byte >= 'a' && byte <= 'z') compared ^= std::uint64_t{0x20} << shift;
  }
  return compared;
}

// What is wrong with the table is a mistake in a row: the first test that runs stops here.
void CheckTable(bool holds) {
  if (!holds) std::abort();
}

class CommandTable {
 public:
  CommandTable();

  const CommandSpec* Find(std::string_view name, std::uint64_t scope) const {
    if (name.size() - 1 >= kNameLengthMax) return nullptr;  // empty, or too long
    NameWords words = ReadWords(name);
    std::uint64_t tag = TagOf(name.size(), scope);
    std::uint64_t hash = HashName(words, tag, factor_);
    const NameSlot& slot = slots_[SlotOf(hash, displacements_[BucketOf(hash)])];
    return slot.Matches(words, tag) ? slot.row : nullptr;
  }

  std::span<const CommandSpec> Rows() const { return {rows_.data(), row_count_}; }
  std::span<const CommandSpec* const> TopLevel() const { return {top_level_.data(), top_count_}; }

 private:
  using SlotsTaken = std::array<bool, kSlotsOfHash>;

  void AddCommand(const CommandSpec& row, std::string_view group);
  void AddRow(const CommandSpec& row, std::string_view group);
  bool FindDisplacements(std::span<const NameSlot> names);
  bool PlaceBucket(std::size_t bucket, std::span<const std::uint64_t> hashes, SlotsTaken& taken);

  std::uint64_t factor_ = 0;
  std::array<std::uint16_t, kBucketCount> displacements_{};
  std::array<NameSlot, kSlotsOfHash> slots_{};
  std::array<CommandSpec, kRowsMax> rows_{};
  std::array<const CommandSpec*, kRowsMax> top_level_{};
  std::size_t row_count_ = 0;
  std::size_t top_count_ = 0;
};

NameSlot NameOf(const CommandSpec& row, std::string_view name, std::uint64_t scope) {
  CheckTable(!name.empty() && name.size() <= kNameLengthMax);
  NameSlot slot;
  slot.words = ReadWords(name);
  slot.compared = {ComparedBits(slot.words.head), ComparedBits(slot.words.tail),
                   ComparedBits(slot.words.middle)};
  slot.tag = TagOf(name.size(), scope);
  slot.row = &row;
  return slot;
}

CommandTable::CommandTable() {
  using namespace command_rows;
  constexpr std::array kFamilies = {
      &kBitmapFamily,    &kClusterFamily,   &kConnectionFamily,  &kGenericFamily,
      &kGeoFamily,       &kHashFamily,      &kHyperloglogFamily, &kListFamily,
      &kPubsubFamily,    &kScriptingFamily, &kServerFamily,      &kSetFamily,
      &kSlotwayFamily,   &kSortedSetFamily, &kStreamFamily,      &kStringFamily,
      &kTransactionsFamily,
  };
  struct NamedRow {
    const CommandSpec* row;
    std::string_view group;
  };
  std::vector<NamedRow> all;
  for (const CommandFamily* family : kFamilies) {
    for (const CommandSpec& row : family->rows) all.push_back({&row, family->group});
  }
  std::ranges::sort(all, {}, [](const NamedRow& named) { return named.row->name; });
  for (const NamedRow& named : all) AddCommand(*named.row, named.group);

  std::vector<NameSlot> names;
  for (const CommandSpec* command : TopLevel()) {
    names.push_back(NameOf(*command, command->name, 0));
    auto scope = static_cast<std::uint64_t>(command - rows_.data()) + 1;
    std::size_t prefix_length = command->name.size() + 1;
    for (const CommandSpec& subcommand : command->subcommands) {
      CheckTable(subcommand.name.starts_with(std::string(command->name) + '|'));
      names.push_back(NameOf(subcommand, subcommand.name.substr(prefix_length), scope));
    }
  }
  bool is_perfect = false;
  for (std::uint64_t seed = 1; !is_perfect && seed <= kSeedsTried; ++seed) {
    factor_ = (seed * 0xd6e8feb86659fd93) | 1;
    is_perfect = FindDisplacements(names);
  }
  CheckTable(is_perfect);
  for (const NameSlot& name : names) {
    std::uint64_t hash = HashName(name.words, name.tag, factor_);
    slots_[SlotOf(hash, displacements_[BucketOf(hash)])] = name;
  }
}

void CommandTable::AddCommand(const CommandSpec& row, std::string_view group) {
  std::size_t container = row_count_;
  top_level_[top_count_++] = &rows_[container];
  AddRow(row, group);
  for (const CommandSpec& subcommand : row.subcommands) AddRow(subcommand, group);
  rows_[container].subcommands = {&rows_[container + 1], row.subcommands.size()};
}

void CommandTable::AddRow(const CommandSpec& row, std::string_view group) {
  CheckTable(row_count_ < kRowsMax);
  rows_[row_count_] = CompleteRow(row);
  rows_[row_count_].group = group;
  rows_[row_count_].id = static_cast<CommandId>(row_count_);
  ++row_count_;
}

// Finds a displacement for every bucket, the fullest first, or says that factor_ has none.
bool CommandTable::FindDisplacements(std::span<const NameSlot> names) {
  std::vector<std::vector<std::uint64_t>> buckets(kBucketCount);
  for (const NameSlot& name : names) {
    std::uint64_t hash = HashName(name.words, name.tag, factor_);
    buckets[BucketOf(hash)].push_back(hash);
  }
  std::vector<std::size_t> order(kBucketCount);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return buckets[a].size() > buckets[b].size();
  });
  SlotsTaken taken{};
  return std::all_of(order.begin(), order.end(), [&](std::size_t bucket) {
    return PlaceBucket(bucket, buckets[bucket], taken);
  });
}

bool CommandTable::PlaceBucket(std::size_t bucket, std::span<const std::uint64_t> hashes,
                               SlotsTaken& taken) {
  for (std::uint32_t displacement = 0; displacement <= kDisplacementMax; ++displacement) {
    std::size_t placed = 0;
    while (placed < hashes.size() && !taken[SlotOf(hashes[placed], displacement)]) {
      taken[SlotOf(hashes[placed++], displacement)] = true;
    }
    if (placed == hashes.size()) {
      displacements_[bucket] = static_cast<std::uint16_t>(displacement);
      return true;
    }
    while (placed > 0) taken[SlotOf(hashes[--placed], displacement)] = false;
  }
  return false;
}

[[gnu::always_inline]] inline const CommandTable& Table() {
  static const CommandTable table;
  return table;
}

std::uint64_t ScopeOf(const CommandSpec& container) { return std::uint64_t{IdOf(container)} + 1; }

}  // namespace

std::span<const CommandSpec* const> TopLevelCommands() { return Table().TopLevel(); }

std::size_t CommandCount() { return Table().Rows().size(); }

std::size_t CommandIdCount() { return CommandCount() + kLearnedKinds; }

CommandId LearnedIdOf(const CommandSpec& spec) {
  int kind = (spec.IsWrite() ? kLearnedWrite : 0) |
             (spec.flags.Has(CommandFlag::kBlocking) ? kLearnedBlocking : 0);
  return static_cast<CommandId>(CommandCount() + static_cast<std::size_t>(kind));
}

const CommandSpec& CommandById(CommandId id) {
  assert(id < CommandCount());
  return Table().Rows()[id];
}

const CommandSpec* FindCommand(std::string_view name) { return Table().Find(name, 0); }

const CommandSpec* FindSubcommand(const CommandSpec& container, std::string_view name) {
  return Table().Find(name, ScopeOf(container));
}

const CommandSpec* FindCommand(std::span<const std::string_view> args) {
  if (args.empty()) return nullptr;
  const CommandSpec* command = Table().Find(args[0], 0);
  if (command == nullptr || command->subcommands.empty() || args.size() < 2) return command;
  const CommandSpec* subcommand = FindSubcommand(*command, args[1]);
  return subcommand != nullptr ? subcommand : command;
}

const CommandSpec* FindRunnableCommand(std::span<const std::string_view> args) {
  const CommandSpec* command = FindCommand(args);
  const bool lacks_subcommand =
      command != nullptr && !command->subcommands.empty() && args.size() > 1;
  return lacks_subcommand ? nullptr : command;
}

const CommandSpec* FindCommandByFullName(std::string_view full_name) {
  std::size_t bar = full_name.find('|');
  const CommandSpec* command = FindCommand(full_name.substr(0, bar));
  if (command == nullptr || bar == std::string_view::npos) return command;
  return FindSubcommand(*command, full_name.substr(bar + 1));
}

}  // namespace slotway::protocol
