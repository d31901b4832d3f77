// SPDX-License-Identifier: Apache-2.0
#include "protocol/learned_commands.h"

#include <algorithm>

#include "protocol/ascii.h"
#include "protocol/command_table.h"

namespace slotway::protocol {
namespace {

constexpr std::size_t kLearnedMax = 4096;
constexpr std::size_t kNameBytesMax = 128;
constexpr std::size_t kKeySpecsMax = 16;
constexpr std::size_t kSubcommandsMax = 256;

// Places within an entry of COMMAND.
enum Place : std::size_t {
  kName,
  kArity,
  kFlags,
  kFirstKey,
  kLastKey,
  kKeyStep,
  kCategories,
  kSpecs = 8,
  kSubcommands
};

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), ToLowerAscii);
  return lower;
}

template <class Flag>
FlagSet<Flag> FlagsOf(const RespValue& names, std::string_view (*name_of)(Flag)) {
  FlagSet<Flag> flags;
  for (const RespValue& said : names.elements) {
    for (std::uint32_t bit = 1; !name_of(static_cast<Flag>(bit)).empty(); bit <<= 1) {
      if (name_of(static_cast<Flag>(bit)) == said.text) flags.bits |= bit;
    }
  }
  return flags;
}

FlagSet<AclCategory> CategoriesOf(const RespValue& names) {
  FlagSet<AclCategory> categories;
  for (const RespValue& said : names.elements) {
    if (said.text.starts_with('@')) {
      categories = categories | AclCategoryByName(std::string_view(said.text).substr(1));
    }
  }
  return categories;
}

// The value that stands behind its name in a flattened map; an empty one if there is none.
const RespValue& Field(const RespValue& map, std::string_view name) {
  static const RespValue none;
  for (std::size_t i = 0; i + 1 < map.elements.size(); i += 2) {
    if (map.elements[i].text == name) return map.elements[i + 1];
  }
  return none;
}

std::int16_t Number(const RespValue& map, std::string_view name) {
  return static_cast<std::int16_t>(Field(map, name).integer);
}

bool ReadKeySpec(const RespValue& described, KeySpec& spec, std::string& keyword) {
  spec.flags = FlagsOf<KeyFlag>(Field(described, "flags"), KeyFlagName);
  const RespValue& begin = Field(described, "begin_search");
  const RespValue& begin_spec = Field(begin, "spec");
  if (Field(begin, "type").text == "index") {
    spec.begin = KeySpec::Begin::kIndex;
    spec.index = Number(begin_spec, "index");
  } else if (Field(begin, "type").text == "keyword") {
    spec.begin = KeySpec::Begin::kKeyword;
    keyword = Field(begin_spec, "keyword").text;
    spec.start_from = Number(begin_spec, "startfrom");
  } else {
    return false;
  }
  const RespValue& find = Field(described, "find_keys");
  const RespValue& find_spec = Field(find, "spec");
  spec.key_step = std::max<std::int16_t>(1, Number(find_spec, "keystep"));
  if (Field(find, "type").text == "range") {
    spec.find = KeySpec::Find::kRange;
    spec.last_key = Number(find_spec, "lastkey");
    spec.limit = Number(find_spec, "limit");
  } else if (Field(find, "type").text == "keynum") {
    spec.find = KeySpec::Find::kKeynum;
    spec.keynum_index = Number(find_spec, "keynumidx");
    spec.first_key = Number(find_spec, "firstkey");
  } else {
    return false;
  }
  return spec.index >= 0;
}

// The key range that servers before 7.0 show. What is done to the keys they do not say.
bool ReadKeyRange(const RespValue& entry, KeySpec& spec) {
  std::int64_t first = entry.elements[kFirstKey].integer, last = entry.elements[kLastKey].integer;
  if (first <= 0 || first > INT16_MAX || last > INT16_MAX || last < INT16_MIN) return false;
  spec.flags = KeyFlag::kReadWrite | KeyFlag::kAccess | KeyFlag::kUpdate;
  spec.begin = KeySpec::Begin::kIndex;
  spec.index = static_cast<std::int16_t>(first);
  spec.find = KeySpec::Find::kRange;
  spec.last_key = static_cast<std::int16_t>(last >= 0 ? std::max<std::int64_t>(0, last - first)
                                                      : last);
  spec.key_step =
      static_cast<std::int16_t>(std::clamp<std::int64_t>(entry.elements[kKeyStep].integer, 1, 99));
  return true;
}

// There are keys beside those that are told of.
void MarkIncomplete(std::vector<KeySpec>& key_specs) {
  for (KeySpec& spec : key_specs) spec.flags = spec.flags | KeyFlag::kIncomplete;
}

}  // namespace

LearnedCommands::LearnedCommands(const RespValue& reply) {
  for (const RespValue& entry : reply.elements) {
    if (commands_.size() < kLearnedMax) Learn(entry);
  }
  for (const auto& [name, command] : commands_) {
    if (name.find('|') == std::string::npos) top_level_.push_back(&command.row);
  }
}

void LearnedCommands::Learn(const RespValue& entry) {
  Command* command = LearnRow(entry, {});
  if (command == nullptr || entry.elements.size() <= kSubcommands) return;
  for (const RespValue& described : entry.elements[kSubcommands].elements) {
    if (command->subcommands.size() >= kSubcommandsMax) break;
    const Command* subcommand = LearnRow(described, command->row.name);
    if (subcommand != nullptr) command->subcommands.push_back(subcommand->row);
  }
  command->row.subcommands = command->subcommands;
}

LearnedCommands::Command* LearnedCommands::LearnRow(const RespValue& entry,
                                                    std::string_view container) {
  if (entry.elements.size() <= kKeyStep) return nullptr;
  std::string name = LowerCase(entry.elements[kName].text);
  std::size_t bar = name.find('|');
  bool is_in_place = container.empty() ? bar == std::string::npos
                                       : std::string_view(name).substr(0, bar) == container;
  std::int64_t arity = entry.elements[kArity].integer;
  bool is_sound = !name.empty() && name.size() <= kNameBytesMax && is_in_place && arity != 0 &&
                  arity >= INT16_MIN && arity <= INT16_MAX;
  if (!is_sound || FindCommandByFullName(name) != nullptr || commands_.contains(name)) {
    return nullptr;
  }
  auto place = commands_.try_emplace(std::move(name)).first;
  Command& command = place->second;
  if (entry.elements.size() > kSpecs) {
    const auto& described = entry.elements[kSpecs].elements;
    std::size_t count = std::min(described.size(), kKeySpecsMax);
    command.keywords.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      KeySpec spec;
      if (!ReadKeySpec(described[i], spec, command.keywords[i])) continue;
      spec.keyword = command.keywords[i];
      command.key_specs.push_back(spec);
    }
    if (command.key_specs.size() < described.size()) MarkIncomplete(command.key_specs);
  }
  CommandSpec row{};
  row.name = place->first;
  row.arity = static_cast<std::int16_t>(arity);
  row.flags = FlagsOf<CommandFlag>(entry.elements[kFlags], CommandFlagName);
  KeySpec range;
  if (command.key_specs.empty() && ReadKeyRange(entry, range)) {
    command.key_specs.push_back(range);
    if (row.flags.Has(CommandFlag::kMovablekeys)) MarkIncomplete(command.key_specs);
  }
  if (!row.IsReadonly()) row.flags = row.flags | CommandFlag::kWrite;
  row.key_specs = command.key_specs;
  command.row = CompleteRow(row);
  // A module's commands are in none, unless their server says so.
  if (entry.elements.size() > kCategories) {
    command.row.categories = CategoriesOf(entry.elements[kCategories]);
  }
  return &command;
}

const CommandSpec* LearnedCommands::Find(std::string_view full_name) const {
  if (full_name.size() > kNameBytesMax) return nullptr;
  auto found = commands_.find(LowerCase(full_name));
  return found == commands_.end() ? nullptr : &found->second.row;
}

const CommandSpec* LearnedCommands::Find(std::span<const std::string_view> args) const {
  if (args[0].find('|') != std::string_view::npos) return nullptr;
  const CommandSpec* row = Find(args[0]);
  if (row == nullptr || row->subcommands.empty() || args.size() < 2) return row;
  std::string full_name(row->name);
  full_name.append("|").append(args[1]);
  const CommandSpec* subcommand = Find(full_name);
  return subcommand == nullptr ? row : subcommand;
}

}  // namespace slotway::protocol
