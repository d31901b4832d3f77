// SPDX-License-Identifier: Apache-2.0
#include "protocol/command_table.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace slotway::protocol {
namespace {

using nlohmann::json;
using Column = std::pair<std::string, std::string>;  // row, column

// Where Redis 7.2 or Valkey 8 changed what 7.0.15 says.
const std::set<Column> kChangedSince7_0 = {
    {"acl|deluser", "tips"},
    {"acl|save", "tips"},
    {"acl|setuser", "tips"},
    {"blmove", "flags"},
    {"blpop", "flags"},
    {"brpop", "flags"},
    {"brpoplpush", "flags"},
    {"bzpopmax", "flags"},
    {"bzpopmin", "flags"},
    {"client|setname", "tips"},
    {"cluster|info", "flags"},
    {"cluster|myid", "flags"},
    {"cluster|nodes", "flags"},
    {"cluster|shards", "flags"},
    {"cluster|slots", "flags"},
    {"command|getkeys", "arity"},
    {"command|getkeysandflags", "arity"},
    {"config|resetstat", "tips"},
    {"config|rewrite", "tips"},
    {"latency|reset", "tips"},
    {"msetnx", "tips"},
    {"multi", "flags"},
    {"randomkey", "tips"},
    {"scan", "tips"},
    {"sinterstore", "key_specs"},
    {"wait", "acl_categories"},
    {"wait", "flags"},
    {"watch", "flags"},
    {"zrank", "arity"},
    {"zrevrank", "arity"},
};

const std::set<std::string> kOwn = {
    "slotway",         "slotway|bigkeys", "slotway|help",    "slotway|hotkeys",
    "slotway|latency", "slotway|reset",   "slotway|slowlog",
};

const std::set<std::string> kAddedSince7_0 = {
    "cluster|cancelslotmigrations", "cluster|getslotmigrations", "cluster|migrateslots",
    "cluster|syncslots",
    "client|ack-replicas", "client|capa",        "client|no-touch", "client|setinfo",
    "cluster|myshardid",   "cluster|slot-stats", "script|show",     "waitaof",
};

template <class Flag, class Name>
json NamesOf(FlagSet<Flag> flags, const std::string& prefix, Name name) {
  json names = json::array();
  for (std::uint32_t bit = 0; bit < 32; ++bit) {
    auto flag = static_cast<Flag>(1u << bit);
    if ((flags.bits >> bit & 1) != 0) names.push_back(prefix + std::string(name(flag)));
  }
  std::sort(names.begin(), names.end());
  return names;
}

json ToJson(const KeySpec& spec) {
  json begin = {{"type", "unknown"}, {"spec", json::object()}};
  if (spec.begin == KeySpec::Begin::kIndex) {
    begin = {{"type", "index"}, {"spec", {{"index", spec.index}}}};
  } else if (spec.begin == KeySpec::Begin::kKeyword) {
    begin = {{"type", "keyword"},
             {"spec", {{"keyword", spec.keyword}, {"startfrom", spec.start_from}}}};
  }
  json find = {{"type", "unknown"}, {"spec", json::object()}};
  if (spec.find == KeySpec::Find::kRange) {
    find = {
        {"type", "range"},
        {"spec", {{"lastkey", spec.last_key}, {"keystep", spec.key_step}, {"limit", spec.limit}}}};
  } else if (spec.find == KeySpec::Find::kKeynum) {
    find = {{"type", "keynum"},
            {"spec",
             {{"keynumidx", spec.keynum_index},
              {"firstkey", spec.first_key},
              {"keystep", spec.key_step}}}};
  }
  return {{"flags", NamesOf(spec.flags, "", KeyFlagName)},
          {"begin_search", begin},
          {"find_keys", find},
          {"has_notes", !spec.notes.empty()}};
}

json TipsOf(const CommandSpec& spec) {
  json tips = json::array();
  for (std::string_view tip : spec.other_tips) tips.push_back(tip);
  if (spec.request_policy != RequestPolicy::kDefault) {
    tips.push_back("request_policy:" + std::string(RequestPolicyName(spec.request_policy)));
  }
  if (spec.response_policy != ResponsePolicy::kDefault) {
    tips.push_back("response_policy:" + std::string(ResponsePolicyName(spec.response_policy)));
  }
  std::sort(tips.begin(), tips.end());
  return tips;
}

// A row in the shape of the data files, lists of words sorted.
json ToJson(const CommandSpec& spec) {
  json key_specs = json::array();
  for (const KeySpec& key_spec : spec.key_specs) key_specs.push_back(ToJson(key_spec));
  return {{"arity", spec.arity},
          {"flags", NamesOf(spec.flags, "", CommandFlagName)},
          {"acl_categories", NamesOf(spec.categories, "@", AclCategoryName)},
          {"first_key", spec.first_key},
          {"last_key", spec.last_key},
          {"step", spec.key_step},
          {"key_specs", key_specs},
          {"tips", TipsOf(spec)}};
}

// The rows of a data file by full name, brought into the shape of ToJson(). The words of a key
// spec's notes are ours, so that only their presence is compared.
std::map<std::string, json> ReadAnswers(const std::string& file) {
  std::ifstream in(std::string(SLOTWAY_TEST_DATA) + "/" + file);
  EXPECT_TRUE(in.good()) << file;
  std::map<std::string, json> rows;
  auto add = [&](json row) {
    std::string name = row["name"];
    for (const char* column : {"flags", "acl_categories", "tips"}) {
      std::sort(row[column].begin(), row[column].end());
    }
    for (json& key_spec : row["key_specs"]) {
      std::sort(key_spec["flags"].begin(), key_spec["flags"].end());
      key_spec["has_notes"] = key_spec.contains("notes");
      key_spec.erase("notes");
    }
    row.erase("name");
    row.erase("subcommands");
    rows[name] = std::move(row);
  };
  for (const json& command : json::parse(in)) {
    add(command);
    for (const json& subcommand : command["subcommands"]) add(subcommand);
  }
  return rows;
}

std::set<Column> DifferencesFrom(const std::map<std::string, json>& answers) {
  std::set<Column> differing;
  for (const auto& [name, answer] : answers) {
    const CommandSpec* spec = FindCommandByFullName(name);
    if (spec == nullptr) {
      differing.insert({name, "name"});
      continue;
    }
    json ours = ToJson(*spec);
    for (const auto& [column, value] : ours.items()) {
      if (value != answer[column]) differing.insert({name, column});
    }
  }
  return differing;
}

std::set<std::string> NamesNotIn(const std::map<std::string, json>& answers) {
  std::set<std::string> missing;
  for (std::size_t id = 0; id < CommandCount(); ++id) {
    std::string name(CommandById(static_cast<CommandId>(id)).name);
    if (!answers.contains(name) && !kOwn.contains(name)) missing.insert(name);
  }
  return missing;
}

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

std::string MixedCase(std::string_view text, std::size_t phase) {
  std::string mixed(text);
  std::string upper = Upper(text);
  for (std::size_t i = phase; i < mixed.size(); i += 2) mixed[i] = upper[i];
  return mixed;
}

std::vector<const CommandSpec*> AllRows() {
  std::vector<const CommandSpec*> rows;
  for (std::size_t id = 0; id < CommandCount(); ++id) {
    rows.push_back(&CommandById(static_cast<CommandId>(id)));
  }
  return rows;
}

TEST(CommandTable, SaysWhatValkey8Says) {
  auto answers = ReadAnswers("commands-valkey-8.json");
  EXPECT_EQ(DifferencesFrom(answers), std::set<Column>{});
  // Our own, and those of Valkey 9.
  EXPECT_EQ(NamesNotIn(answers),
            (std::set<std::string>{"client|ack-replicas", "cluster|cancelslotmigrations",
                                   "cluster|getslotmigrations", "cluster|migrateslots",
                                   "cluster|syncslots"}));
}

TEST(CommandTable, SaysWhatRedis7_0SaysButForKnownChanges) {
  auto answers = ReadAnswers("commands-redis-7.0.15.json");
  EXPECT_EQ(DifferencesFrom(answers), kChangedSince7_0);
  EXPECT_EQ(NamesNotIn(answers), kAddedSince7_0);
}

TEST(CommandTable, FindsEveryRowInAnyCase) {
  for (const CommandSpec* row : AllRows()) {
    EXPECT_EQ(FindCommandByFullName(row->name), row) << row->name;
    EXPECT_EQ(FindCommandByFullName(Upper(row->name)), row) << row->name;
    EXPECT_EQ(FindCommandByFullName(MixedCase(row->name, 0)), row) << row->name;
    EXPECT_EQ(FindCommandByFullName(MixedCase(row->name, 1)), row) << row->name;
  }
  for (const CommandSpec* row : TopLevelCommands()) {
    EXPECT_EQ(FindCommand(Upper(row->name)), row) << row->name;
  }
}

// Changes every byte of every name, and its length: what is found must be a row of that very name.
TEST(CommandTable, FindsNothingByNearMisses) {
  std::set<std::string, std::less<>> names;
  for (const CommandSpec* row : TopLevelCommands()) names.emplace(row->name);
  auto expect_absent = [&](const std::string& name) {
    std::string lower = name;
    for (char& c : lower) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    if (!names.contains(lower)) {
      EXPECT_EQ(FindCommand(std::string_view(name)), nullptr) << testing::PrintToString(name);
    }
  };
  for (const CommandSpec* row : TopLevelCommands()) {
    std::string name(row->name);
    for (std::size_t i = 0; i < name.size(); ++i) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string changed = name;
        changed[i] = static_cast<char>(byte);
        expect_absent(changed);
      }
      expect_absent(name.substr(0, i));
      expect_absent(name.substr(0, i) + name.substr(i + 1));
      expect_absent(name.substr(0, i) + name[i] + name.substr(i));
    }
    expect_absent(name + '\0');
    expect_absent(name + " ");
    expect_absent(name + name);
  }
  for (std::string_view name : {"", "config|get", "a-name-longer-than-any-command-has"}) {
    EXPECT_EQ(FindCommand(name), nullptr) << name;
  }
}

TEST(CommandTable, FindsTheRowThatGovernsARequest) {
  auto find = [](std::vector<std::string_view> args) {
    const CommandSpec* spec = FindCommand(std::span<const std::string_view>(args));
    return spec == nullptr ? std::string_view("none") : spec->name;
  };
  EXPECT_EQ(find({}), "none");
  EXPECT_EQ(find({"GET", "config"}), "get");
  EXPECT_EQ(find({"Config", "GET", "maxmemory"}), "config|get");
  EXPECT_EQ(find({"config", "nope"}), "config");
  EXPECT_EQ(find({"config"}), "config");
  EXPECT_EQ(find({"client", "get"}), "client");
  EXPECT_EQ(find({"get", "get"}), "get");
  EXPECT_EQ(find({"nope", "get"}), "none");
  EXPECT_EQ(find({"config", ""}), "config");
  EXPECT_EQ(FindCommandByFullName("config|"), nullptr);
  EXPECT_EQ(FindCommandByFullName("get|config"), nullptr);
  EXPECT_EQ(FindCommandByFullName("|get"), nullptr);
}

TEST(CommandTable, IdsAreDenseAndLeadBack) {
  ASSERT_GT(CommandCount(), TopLevelCommands().size());
  std::size_t subcommands = 0;
  for (const CommandSpec* row : TopLevelCommands()) {
    EXPECT_EQ(&CommandById(IdOf(*row)), row);
    for (const CommandSpec& subcommand : row->subcommands) {
      EXPECT_EQ(&CommandById(IdOf(subcommand)), &subcommand);
      EXPECT_TRUE(subcommand.name.starts_with(std::string(row->name) + "|")) << subcommand.name;
      ++subcommands;
    }
  }
  EXPECT_EQ(TopLevelCommands().size() + subcommands, CommandCount());
  for (std::size_t id = 0; id < CommandCount(); ++id) {
    EXPECT_EQ(IdOf(CommandById(static_cast<CommandId>(id))), id);
  }
}

TEST(CommandTable, EveryRowIsDocumented) {
  for (const CommandSpec* row : AllRows()) {
    EXPECT_TRUE(row->summary.ends_with('.')) << row->name;
    EXPECT_FALSE(row->since.empty()) << row->name;
    EXPECT_FALSE(row->group.empty()) << row->name;
    EXPECT_NE(row->arity, 0) << row->name;
  }
}

TEST(CommandTable, NoRowReadsAndWrites) {
  for (const CommandSpec* row : AllRows()) {
    EXPECT_FALSE(row->IsWrite() && row->IsReadonly()) << row->name;
    EXPECT_NE(row->categories.Has(AclCategory::kFast), row->categories.Has(AclCategory::kSlow))
        << row->name;
  }
}

TEST(Command, ArityCountsTheNameAndSubcommand) {
  EXPECT_TRUE(FindCommand("get")->ArityFits(2));
  EXPECT_FALSE(FindCommand("get")->ArityFits(1));
  EXPECT_FALSE(FindCommand("get")->ArityFits(3));
  EXPECT_TRUE(FindCommand("del")->ArityFits(2));
  EXPECT_TRUE(FindCommand("del")->ArityFits(1000));
  EXPECT_FALSE(FindCommand("del")->ArityFits(1));
  EXPECT_FALSE(FindCommandByFullName("config|get")->ArityFits(2));
}

TEST(Command, CategoriesAreFoundByNameInAnyCase) {
  EXPECT_EQ(AclCategoryByName("keyspace"), FlagSet<AclCategory>(AclCategory::kKeyspace));
  EXPECT_EQ(AclCategoryByName("SortedSet"), FlagSet<AclCategory>(AclCategory::kSortedset));
  EXPECT_EQ(AclCategoryByName("@read"), FlagSet<AclCategory>());
  EXPECT_EQ(AclCategoryByName(""), FlagSet<AclCategory>());
}

TEST(Command, CompleteRowDerivesWhatFollows) {
  static constexpr std::array<KeySpec, 2> kKeys = {
      KeySpec{.flags = KeyFlag::kReadOnly,
              .begin = KeySpec::Begin::kIndex,
              .index = 1,
              .find = KeySpec::Find::kRange},
      KeySpec{.begin = KeySpec::Begin::kKeyword, .keyword = "STORE", .start_from = 2}};
  CommandSpec row = CompleteRow({.name = "x",
                                 .arity = 2,
                                 .flags = CommandFlag::kWrite | CommandFlag::kAdmin,
                                 .key_specs = kKeys});
  EXPECT_EQ(row.first_key, 1);
  EXPECT_EQ(row.last_key, 1);
  EXPECT_EQ(row.key_step, 1);
  EXPECT_EQ(row.fixed_first_key, 1);
  EXPECT_TRUE(row.flags.Has(CommandFlag::kMovablekeys));
  EXPECT_EQ(row.categories, AclCategory::kWrite | AclCategory::kAdmin | AclCategory::kDangerous |
                                AclCategory::kSlow);
}

}  // namespace
}  // namespace slotway::protocol
