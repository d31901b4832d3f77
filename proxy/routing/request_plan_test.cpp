// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing/request_plan.h"

#include <gtest/gtest.h>

#include "proxy/routing/keyless_routes.h"

namespace slotway::proxy {
namespace {

using protocol::CommandFlag;

const protocol::CommandSpec& Spec(std::string_view full_name) {
  const protocol::CommandSpec* spec = protocol::FindCommandByFullName(full_name);
  EXPECT_NE(spec, nullptr) << full_name;
  return *spec;
}

TEST(RequestPlan, Routes) {
  struct Case {
    std::string_view name;
    Route route;
    MergeRule merge;
    bool is_readonly;
  } cases[] = {
      {"get", Route::kOneKey, MergeRule::kAllSucceeded, true},
      {"set", Route::kOneKey, MergeRule::kAllSucceeded, false},
      {"hgetall", Route::kOneKey, MergeRule::kAllSucceeded, true},
      {"object|encoding", Route::kOneKey, MergeRule::kAllSucceeded, true},
      {"mget", Route::kSplit, MergeRule::kByKeyOrder, true},
      {"mset", Route::kSplit, MergeRule::kAllSucceeded, false},
      {"del", Route::kSplit, MergeRule::kSum, false},
      {"unlink", Route::kSplit, MergeRule::kSum, false},
      {"exists", Route::kSplit, MergeRule::kSum, true},
      {"touch", Route::kSplit, MergeRule::kSum, true},
      {"msetnx", Route::kKeys, MergeRule::kAllSucceeded, false},
      {"rename", Route::kKeys, MergeRule::kAllSucceeded, false},
      {"eval", Route::kKeys, MergeRule::kAllSucceeded, false},
      {"eval_ro", Route::kKeys, MergeRule::kAllSucceeded, true},
      {"sort", Route::kKeys, MergeRule::kAllSucceeded, false},
      {"zunionstore", Route::kKeys, MergeRule::kAllSucceeded, false},
      {"dbsize", Route::kAllShards, MergeRule::kSum, true},
      {"flushall", Route::kAllShards, MergeRule::kAllSucceeded, false},
      {"keys", Route::kAllShards, MergeRule::kConcatenate, true},
      {"script|exists", Route::kAllShards, MergeRule::kLogicalAnd, false},
      {"script|kill", Route::kAllShards, MergeRule::kOneSucceeded, false},
      {"config|set", Route::kAllShards, MergeRule::kAllSucceeded, false},
      {"slowlog|len", Route::kAllShards, MergeRule::kSum, false},
      {"wait", Route::kUnsupported, MergeRule::kAllSucceeded, false},
      {"blpop", Route::kKeys, MergeRule::kAllSucceeded, false},
      {"brpoplpush", Route::kKeys, MergeRule::kAllSucceeded, false},
      {"xread", Route::kKeys, MergeRule::kAllSucceeded, true},
      {"subscribe", Route::kUnsupported, MergeRule::kAllSucceeded, false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    RequestPlan plan = PlanOf(Spec(c.name));
    EXPECT_EQ(static_cast<int>(plan.route), static_cast<int>(c.route));
    if (plan.route == Route::kSplit || plan.route == Route::kAllShards) {
      EXPECT_EQ(static_cast<int>(plan.merge), static_cast<int>(c.merge));
    }
    EXPECT_EQ(plan.is_readonly, c.is_readonly);
  }
  EXPECT_EQ(PlanOf(Spec("mset")).args_per_key, 2);
  EXPECT_EQ(PlanOf(Spec("object|encoding")).first_key, 2);
  for (const char* name : {"xread", "blpop", "bzmpop"}) {
    EXPECT_TRUE(PlanOf(Spec(name)).may_block) << name;
    EXPECT_TRUE(PlanOf(Spec(name)).needs_quiet) << name;
  }
  EXPECT_FALSE(PlanOf(Spec("lpop")).needs_quiet);
}

// Whoever has a key can be routed; only what ties up its connection is refused.
TEST(RequestPlan, WhatHasKeysIsRoutedUnlessItConcernsAConnection) {
  auto plans = PlanAllCommands();
  std::string unsupported;
  for (std::size_t id = 0; id < protocol::CommandCount(); ++id) {
    const auto& spec = protocol::CommandById(static_cast<protocol::CommandId>(id));
    if (plans[id].route == Route::kUnsupported) {
      unsupported += std::string(spec.name) + " ";
      bool is_about_a_connection = spec.flags.Has(CommandFlag::kPubsub) || spec.name == "watch";
      EXPECT_TRUE(spec.key_specs.empty() || is_about_a_connection || !plans[id].refusal.empty())
          << spec.name;
    }
    if (plans[id].route == Route::kOneKey || plans[id].route == Route::kSplit) {
      EXPECT_GT(plans[id].first_key, 0) << spec.name;
      EXPECT_TRUE(spec.ArityFits(spec.arity < 0 ? -spec.arity : spec.arity)) << spec.name;
      // Arity has been checked when the key is read: it must promise the key.
      EXPECT_GT(std::abs(spec.arity), plans[id].first_key) << spec.name;
    }
    // A write may never be taken for something that can run twice.
    if (spec.flags.Has(CommandFlag::kWrite)) {
      EXPECT_FALSE(plans[id].is_readonly) << spec.name;
    }
  }
  RecordProperty("unsupported", unsupported);
  std::printf("not routed (answered by the proxy itself, or unsupported): %s\n",
              unsupported.c_str());
}

TEST(RequestPlan, TablesOfKeylessCommands) {
  auto plans = PlanAllCommands();
  auto plan_of = [&](std::string_view name) { return plans[protocol::IdOf(Spec(name))]; };
  EXPECT_EQ(plan_of("lastsave").route, Route::kAllShards);
  EXPECT_EQ(plan_of("lastsave").merge, MergeRule::kMin);
  EXPECT_EQ(plan_of("time").route, Route::kAnyShard);
  EXPECT_EQ(plan_of("migrate").route, Route::kUnsupported);
  for (const Refusal& refusal : Refusals()) {
    EXPECT_EQ(plan_of(refusal.full_name).refusal, refusal.text);
    EXPECT_TRUE(refusal.text.starts_with("ERR ")) << refusal.full_name;
    EXPECT_TRUE(refusal.reason.ends_with(".")) << refusal.full_name;
  }
}

TEST(RequestPlan, TheTextOfARefusal) {
  EXPECT_EQ(UnsupportedText("move"), "ERR Slotway does not support 'move' yet");
  EXPECT_EQ(UnsupportedText("eval", " without keys"),
            "ERR Slotway does not support 'eval' without keys yet");
  EXPECT_EQ(UnsupportedText("acl|setuser"), "ERR Slotway does not support 'acl setuser' yet");
}

}  // namespace
}  // namespace slotway::proxy
