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
constexpr int kFlagBits = 19;

// Places within an entry of COMMAND.
enum Place : std::size_t { kName, kArity, kFlags, kFirstKey, kLastKey, kKeyStep, kSpecs = 8 };

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), ToLowerAscii);
  return lower;
}

FlagSet<CommandFlag> FlagsOf(const RespValue& names) {
  FlagSet<CommandFlag> flags;
  for (const RespValue& name : names.elements) {
    for (int bit = 0; bit < kFlagBits; ++bit) {
      auto flag = static_cast<CommandFlag>(1u << bit);
      if (CommandFlagName(flag) == name.text) flags = flags | flag;
    }
  }
  return flags;
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

// The key range that servers before 7.0 show.
bool ReadKeyRange(const RespValue& entry, KeySpec& spec) {
  std::int64_t first = entry.elements[kFirstKey].integer, last = entry.elements[kLastKey].integer;
  if (first <= 0 || first > INT16_MAX || last > INT16_MAX || last < INT16_MIN) return false;
  spec.begin = KeySpec::Begin::kIndex;
  spec.index = static_cast<std::int16_t>(first);
  spec.find = KeySpec::Find::kRange;
  spec.last_key = static_cast<std::int16_t>(last >= 0 ? std::max<std::int64_t>(0, last - first)
                                                      : last);
  spec.key_step =
      static_cast<std::int16_t>(std::clamp<std::int64_t>(entry.elements[kKeyStep].integer, 1, 99));
  return true;
}

}  // namespace

LearnedCommands::LearnedCommands(const RespValue& reply) {
  for (const RespValue& entry : reply.elements) {
    if (commands_.size() < kLearnedMax && entry.elements.size() > kKeyStep) Learn(entry);
  }
}

void LearnedCommands::Learn(const RespValue& entry) {
  std::string name = LowerCase(entry.elements[kName].text);
  std::int64_t arity = entry.elements[kArity].integer;
  bool is_sound = !name.empty() && name.size() <= kNameBytesMax && arity != 0 &&
                  arity >= INT16_MIN && arity <= INT16_MAX;
  if (!is_sound || FindCommand(name) != nullptr || commands_.contains(name)) return;
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
  }
  KeySpec range;
  if (command.key_specs.empty() && ReadKeyRange(entry, range)) command.key_specs.push_back(range);
  CommandSpec row{};
  row.name = place->first;
  row.arity = static_cast<std::int16_t>(arity);
  row.flags = FlagsOf(entry.elements[kFlags]);
  if (!row.IsReadonly()) row.flags = row.flags | CommandFlag::kWrite;
  row.key_specs = command.key_specs;
  command.row = CompleteRow(row);
}

const CommandSpec* LearnedCommands::Find(std::string_view name) const {
  if (name.size() > kNameBytesMax) return nullptr;
  auto found = commands_.find(LowerCase(name));
  return found == commands_.end() ? nullptr : &found->second.row;
}

std::vector<std::string_view> LearnedCommands::Names() const {
  std::vector<std::string_view> names;
  for (const auto& [name, command] : commands_) names.push_back(name);
  return names;
}

}  // namespace slotway::protocol
