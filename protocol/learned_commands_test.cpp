// SPDX-License-Identifier: Apache-2.0
#include "protocol/learned_commands.h"

#include <gtest/gtest.h>

#include "protocol/command_table.h"
#include "protocol/key_extraction.h"

namespace slotway::protocol {
namespace {

RespValue Text(std::string text) {
  RespValue value;
  value.kind = RespValue::Kind::kBulk;
  value.text = std::move(text);
  return value;
}
RespValue Number(std::int64_t number) {
  RespValue value;
  value.kind = RespValue::Kind::kInteger;
  value.integer = number;
  return value;
}
RespValue List(std::vector<RespValue> elements) {
  RespValue value;
  value.kind = RespValue::Kind::kArray;
  value.elements = std::move(elements);
  return value;
}
RespValue Entry(std::string name, int arity, std::vector<RespValue> flags, int first, int last,
                int step) {
  return List({Text(std::move(name)), Number(arity), List(std::move(flags)), Number(first),
               Number(last), Number(step)});
}

std::vector<std::uint32_t> KeysOf(const CommandSpec& spec, std::vector<std::string_view> args) {
  std::vector<KeyPosition> keys;
  EXPECT_EQ(ExtractKeys(spec, args, keys), KeyExtractionError::kNone);
  std::vector<std::uint32_t> places;
  for (const KeyPosition& key : keys) places.push_back(key.index);
  return places;
}

TEST(LearnedCommands, TakesWhatTheTableDoesNotKnow) {
  LearnedCommands learned(List({Entry("get", 2, {Text("readonly")}, 1, 1, 1),
                                Entry("Mod.Get", -2, {Text("readonly"), Text("fast")}, 1, 1, 1),
                                Entry("mod.copy", 3, {Text("denyoom")}, 1, 2, 1),
                                Entry("mod.all", -2, {Text("blocking")}, 1, -1, 2),
                                Entry("mod.none", 1, {}, 0, 0, 0)}));
  EXPECT_EQ(learned.TopLevel().size(), 4u);
  EXPECT_EQ(learned.Find("get"), nullptr);
  const CommandSpec* get = learned.Find("MOD.GET");
  ASSERT_NE(get, nullptr);
  EXPECT_TRUE(get->IsReadonly() && !get->IsWrite() && get->flags.Has(CommandFlag::kFast));
  EXPECT_EQ(get->name, "mod.get");
  EXPECT_TRUE(get->ArityFits(5) && !get->ArityFits(1));
  EXPECT_TRUE(learned.Find("mod.copy")->IsWrite());
  EXPECT_EQ(KeysOf(*learned.Find("mod.copy"), {"x", "a", "b"}), (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(KeysOf(*learned.Find("mod.all"), {"x", "a", "1", "b", "2"}),
            (std::vector<std::uint32_t>{1, 3}));
  EXPECT_TRUE(learned.Find("mod.none")->key_specs.empty());
}

TEST(LearnedCommands, ReadsKeySpecs) {
  RespValue entry = Entry("mod.eval", -3, {Text("movablekeys")}, 0, 0, 0);
  RespValue begin =
      List({Text("type"), Text("index"), Text("spec"), List({Text("index"), Number(2)})});
  RespValue find = List({Text("type"), Text("keynum"), Text("spec"),
                         List({Text("keynumidx"), Number(0), Text("firstkey"), Number(1),
                               Text("keystep"), Number(1)})});
  entry.elements.push_back(List({}));
  entry.elements.push_back(List({}));
  entry.elements.push_back(List(
      {List({Text("flags"), List({}), Text("begin_search"), begin, Text("find_keys"), find})}));
  LearnedCommands learned(List({entry}));
  ASSERT_NE(learned.Find("mod.eval"), nullptr);
  EXPECT_EQ(KeysOf(*learned.Find("mod.eval"), {"mod.eval", "s", "2", "a", "b", "c"}),
            (std::vector<std::uint32_t>{3, 4}));
}

// A container with one subcommand, and what its server says of categories and keys.
RespValue Container(std::string subcommand) {
  RespValue part = Entry(std::move(subcommand), -3, {Text("readonly"), Text("module")}, 2, 2, 1);
  RespValue spec =
      List({Text("flags"), List({Text("RO"), Text("access")}), Text("begin_search"),
            List({Text("type"), Text("index"), Text("spec"), List({Text("index"), Number(2)})}),
            Text("find_keys"),
            List({Text("type"), Text("range"), Text("spec"),
                  List({Text("lastkey"), Number(0), Text("keystep"), Number(1), Text("limit"),
                        Number(0)})})});
  part.elements.insert(part.elements.end(), {List({Text("@read")}), List({}), List({spec})});
  RespValue entry = Entry("mod.box", -2, {Text("module")}, 0, 0, 0);
  entry.elements.insert(entry.elements.end(), {List({}), List({}), List({}), List({part})});
  return entry;
}

TEST(LearnedCommands, KnowsSubcommands) {
  using Words = std::vector<std::string_view>;
  LearnedCommands learned(List({Container("mod.box|get")}));
  ASSERT_EQ(learned.TopLevel().size(), 1u);
  const CommandSpec* get = learned.Find(Words{"MOD.Box", "GET", "k"});
  ASSERT_NE(get, nullptr);
  EXPECT_EQ(get->name, "mod.box|get");
  EXPECT_TRUE(get->IsReadonly());
  EXPECT_EQ(KeysOf(*get, {"mod.box", "get", "k"}), (std::vector<std::uint32_t>{2}));
  EXPECT_TRUE(get->key_specs[0].flags.Has(KeyFlag::kReadOnly));
  EXPECT_EQ(get->categories, FlagSet(AclCategory::kRead));
  EXPECT_EQ(learned.Find("mod.box|get"), get);
  const CommandSpec* box = learned.Find(Words{"mod.box", "nope", "k"});
  ASSERT_NE(box, nullptr);
  EXPECT_EQ(box->name, "mod.box");
  ASSERT_EQ(box->subcommands.size(), 1u);
  EXPECT_EQ(box->subcommands[0].name, "mod.box|get");
  EXPECT_EQ(learned.Find(Words{"mod.box|get", "k"}), nullptr) << "no client says so";
  LearnedCommands odd(List({Container("other|get"), Entry("a|b", 2, {}, 1, 1, 1)}));
  EXPECT_EQ(odd.TopLevel().size(), 1u);
  EXPECT_TRUE(odd.Find("mod.box")->subcommands.empty());
}

TEST(LearnedCommands, NeverTrustsItsInput) {
  LearnedCommands learned(
      List({Text("x"), List({}), Entry("", 1, {}, 1, 1, 1),
            Entry(std::string(1000, 'x'), 1, {}, 1, 1, 1), Entry("zero", 0, {}, 1, 1, 1),
            Entry("huge", 1, {}, 1 << 30, 1, 1), Entry("huge", 1, {}, 1, 1, 1)}));
  EXPECT_EQ(learned.TopLevel().size(), 1u);
  EXPECT_TRUE(learned.Find("huge")->key_specs.empty());
}

TEST(LearnedCommands, ShareIdsByTheirKind) {
  LearnedCommands learned(
      List({Entry("mod.r", 2, {Text("readonly")}, 1, 1, 1), Entry("mod.w", 2, {}, 1, 1, 1),
            Entry("mod.b", 2, {Text("blocking")}, 1, 1, 1)}));
  EXPECT_EQ(IdOf(*learned.Find("mod.r")), CommandCount());
  EXPECT_EQ(IdOf(*learned.Find("mod.w")), CommandCount() + kLearnedWrite);
  EXPECT_EQ(IdOf(*learned.Find("mod.b")), CommandCount() + kLearnedWrite + kLearnedBlocking);
  EXPECT_LT(IdOf(*learned.Find("mod.b")), CommandIdCount());
  EXPECT_TRUE(IsLearned(IdOf(*learned.Find("mod.r"))));
  EXPECT_FALSE(IsLearned(IdOf(*FindCommand("get"))));
}

}  // namespace
}  // namespace slotway::protocol
