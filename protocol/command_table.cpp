// SPDX-License-Identifier: Apache-2.0
//
// The table is built once, at its first use: the rows of all families are completed, sorted by
// name, each container's subcommands right behind it, and copied into one array whose index is the
// CommandId. All names, a subcommand's under its container, share one perfect hash of the
// hash-and-displace kind: a bucket's displacement was chosen at build time so that no two names
// meet in a slot. A lookup therefore reads one displacement, one slot and one NameKey, and compares
// once.
#include "protocol/command_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <numeric>

#include "protocol/command_rows/command_family.h"

namespace slotway::protocol {
namespace {

constexpr std::size_t kRowsMax = 448;
constexpr std::size_t kNameLengthMax = 24;
constexpr std::size_t kBucketCount = 128;
constexpr std::size_t kSlotCountOfHash = 1024;
constexpr std::uint32_t kDisplacementMax = 0xffff;
constexpr int kSeedsTried = 64;
constexpr CommandId kNoCommand = 0xffff;
constexpr std::uint64_t kCaseBits = 0x2020202020202020;

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

// `scope` is 0 for top-level names, else the container's id + 1.
inline std::uint64_t HashName(const NameWords& words, std::size_t length, std::uint32_t scope,
                              std::uint64_t seed) {
  std::uint64_t hash = ((words.head | kCaseBits) ^ seed) * 0x9e3779b97f4a7c15;
  hash ^= std::rotl(words.tail | kCaseBits, 29) + std::rotl(words.middle | kCaseBits, 11);
  hash += length << 32 | scope;
  hash ^= hash >> 32;
  hash *= 0xd6e8feb86659fd93;
  return hash ^ hash >> 29;
}

inline std::size_t BucketOf(std::uint64_t hash) { return hash >> 57; }
inline std::size_t SlotOf(std::uint64_t hash, std::uint32_t displacement) {
  return (hash + displacement * (hash >> 20 | 1)) % kSlotCountOfHash;
}
static_assert(kBucketCount == 1 << (64 - 57));

// What a name is compared with: one cache line. `compared` lacks the case bit where the name has a
// letter: there, and only there, both cases match.
struct alignas(64) NameKey {
  NameWords words;
  NameWords compared;
  std::uint32_t length = 0;
  std::uint32_t scope = 0;

  bool Matches(const NameWords& other, std::size_t other_length, std::uint32_t other_scope) const {
    return (((words.head ^ other.head) & compared.head) |
            ((words.tail ^ other.tail) & compared.tail) |
            ((words.middle ^ other.middle) & compared.middle) | (length ^ other_length) |
            (scope ^ other_scope)) == 0;
  }
};
static_assert(sizeof(NameKey) == 64);

std::uint64_t ComparedBits(std::uint64_t word) {
  std::uint64_t compared = ~std::uint64_t{0};
  for (int shift = 0; shift < 64; shift += 8) {
    auto byte = static_cast<unsigned char>(word >> shift);
    if (byte >= 'a' && byte <= 'z') compared ^= std::uint64_t{0x20} << shift;
  }
  return compared;
}

// The table is complete before main() can have misused it: what is wrong with it is a mistake in a
// row, found by the first test that runs.
void CheckTable(bool holds) {
  assert(holds);
  if (!holds) std::abort();
}

class CommandTable {
 public:
  CommandTable();

  const CommandSpec* Find(std::string_view name, std::uint32_t scope) const {
    if (name.empty() || name.size() > kNameLengthMax) return nullptr;
    NameWords words = ReadWords(name);
    std::uint64_t hash = HashName(words, name.size(), scope, seed_);
    CommandId id = slots_[SlotOf(hash, displacements_[BucketOf(hash)])];
    if (id == kNoCommand || !keys_[id].Matches(words, name.size(), scope)) return nullptr;
    return &rows_[id];
  }

  std::span<const CommandSpec> Rows() const { return {rows_.data(), row_count_}; }
  std::span<const CommandSpec* const> TopLevel() const { return {top_level_.data(), top_count_}; }

 private:
  void AddCommand(const CommandSpec& row, std::string_view group);
  void AddRow(const CommandSpec& row, std::string_view group, std::uint32_t scope);
  bool FillSlots(std::uint64_t seed);
  bool PlaceBucket(std::size_t bucket, std::span<const std::uint64_t> hashes);

  std::array<std::uint16_t, kBucketCount> displacements_{};
  std::array<CommandId, kSlotCountOfHash> slots_{};
  std::uint64_t seed_ = 0;
  std::array<NameKey, kRowsMax> keys_{};
  std::array<CommandSpec, kRowsMax> rows_{};
  std::array<const CommandSpec*, kRowsMax> top_level_{};
  std::size_t row_count_ = 0;
  std::size_t top_count_ = 0;
};

CommandTable::CommandTable() {
  using namespace command_rows;
  constexpr std::array kFamilies = {
      &kBitmapFamily,    &kClusterFamily,   &kConnectionFamily,  &kGenericFamily,
      &kGeoFamily,       &kHashFamily,      &kHyperloglogFamily, &kListFamily,
      &kPubsubFamily,    &kScriptingFamily, &kServerFamily,      &kSetFamily,
      &kSortedSetFamily, &kStreamFamily,    &kStringFamily,      &kTransactionsFamily,
  };
  struct NamedRow {
    const CommandSpec* row;
    std::string_view group;
  };
  std::array<NamedRow, kRowsMax> all{};
  std::size_t count = 0;
  for (const CommandFamily* family : kFamilies) {
    CheckTable(count + family->rows.size() <= kRowsMax);
    for (const CommandSpec& row : family->rows) all[count++] = {&row, family->group};
  }
  std::sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count),
            [](const NamedRow& a, const NamedRow& b) { return a.row->name < b.row->name; });
  for (std::size_t i = 0; i < count; ++i) AddCommand(*all[i].row, all[i].group);

  bool is_perfect = false;
  for (std::uint64_t seed = 1; !is_perfect && seed <= kSeedsTried; ++seed) {
    is_perfect = FillSlots(seed);
  }
  CheckTable(is_perfect);
}

void CommandTable::AddCommand(const CommandSpec& row, std::string_view group) {
  std::size_t container = row_count_;
  top_level_[top_count_++] = &rows_[container];
  AddRow(row, group, 0);
  for (const CommandSpec& subcommand : row.subcommands) {
    AddRow(subcommand, group, static_cast<std::uint32_t>(container + 1));
  }
  rows_[container].subcommands = {&rows_[container + 1], row.subcommands.size()};
}

void CommandTable::AddRow(const CommandSpec& row, std::string_view group, std::uint32_t scope) {
  CheckTable(row_count_ < kRowsMax);
  std::size_t id = row_count_++;
  rows_[id] = CompleteRow(row);
  rows_[id].group = group;

  std::string_view name = row.name;
  if (scope != 0) {
    std::string_view container = rows_[scope - 1].name;
    CheckTable(name.starts_with(container) && name[container.size()] == '|');
    name.remove_prefix(container.size() + 1);
  }
  CheckTable(!name.empty() && name.size() <= kNameLengthMax);
  NameKey& key = keys_[id];
  key.words = ReadWords(name);
  key.compared = {ComparedBits(key.words.head), ComparedBits(key.words.tail),
                  ComparedBits(key.words.middle)};
  key.length = static_cast<std::uint32_t>(name.size());
  key.scope = scope;
}

// Finds a displacement for every bucket, the fullest first, or says that this seed has none.
bool CommandTable::FillSlots(std::uint64_t seed) {
  seed_ = seed;
  slots_.fill(kNoCommand);
  std::array<std::uint64_t, kRowsMax> hashes{};
  std::array<std::uint16_t, kBucketCount> sizes{};
  for (std::size_t id = 0; id < row_count_; ++id) {
    hashes[id] = HashName(keys_[id].words, keys_[id].length, keys_[id].scope, seed);
    ++sizes[BucketOf(hashes[id])];
  }
  std::array<std::size_t, kBucketCount> order{};
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return sizes[a] > sizes[b]; });
  return std::all_of(order.begin(), order.end(), [&](std::size_t bucket) {
    return PlaceBucket(bucket, {hashes.data(), row_count_});
  });
}

bool CommandTable::PlaceBucket(std::size_t bucket, std::span<const std::uint64_t> hashes) {
  for (std::uint32_t displacement = 0; displacement <= kDisplacementMax; ++displacement) {
    std::array<CommandId, kSlotCountOfHash> tried = slots_;
    bool is_free = true;
    for (std::size_t id = 0; is_free && id < hashes.size(); ++id) {
      if (BucketOf(hashes[id]) != bucket) continue;
      CommandId& slot = tried[SlotOf(hashes[id], displacement)];
      is_free = slot == kNoCommand;
      slot = static_cast<CommandId>(id);
    }
    if (!is_free) continue;
    slots_ = tried;
    displacements_[bucket] = static_cast<std::uint16_t>(displacement);
    return true;
  }
  return false;
}

const CommandTable& Table() {
  static const CommandTable table;
  return table;
}

std::uint32_t ScopeOf(const CommandSpec& container) { return std::uint32_t{IdOf(container)} + 1; }

}  // namespace

std::span<const CommandSpec* const> TopLevelCommands() { return Table().TopLevel(); }

std::size_t CommandCount() { return Table().Rows().size(); }

CommandId IdOf(const CommandSpec& spec) {
  auto index = &spec - Table().Rows().data();
  assert(index >= 0 && static_cast<std::size_t>(index) < CommandCount());
  return static_cast<CommandId>(index);
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
  const CommandSpec* command = FindCommand(args[0]);
  if (command == nullptr || command->subcommands.empty() || args.size() < 2) return command;
  const CommandSpec* subcommand = FindSubcommand(*command, args[1]);
  return subcommand != nullptr ? subcommand : command;
}

const CommandSpec* FindCommandByFullName(std::string_view full_name) {
  std::size_t bar = full_name.find('|');
  const CommandSpec* command = FindCommand(full_name.substr(0, bar));
  if (command == nullptr || bar == std::string_view::npos) return command;
  return FindSubcommand(*command, full_name.substr(bar + 1));
}

}  // namespace slotway::protocol
