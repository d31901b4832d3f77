// SPDX-License-Identifier: Apache-2.0
// Every row of the command table has a way: the proxy answers it, routes it, composes it, or
// refuses it for a documented reason.
#include <gtest/gtest.h>

#include "proxy/client/audit_log.h"
#include "proxy/client/local_command.h"
#include "proxy/operations/compositions.h"
#include "proxy/routing/keyless_routes.h"

namespace slotway::proxy {
namespace {

TEST(Routes, EveryRowHasAWay) {
  auto plans = PlanAllCommands(Compositions());
  for (std::size_t id = 0; id < protocol::CommandCount(); ++id) {
    const auto& spec = protocol::CommandById(static_cast<protocol::CommandId>(id));
    // A container's own row is never carried out, COMMAND's excepted.
    if (!spec.subcommands.empty() && spec.name != "command") continue;
    bool is_local = FindLocalCommand(static_cast<protocol::CommandId>(id)) != nullptr;
    bool is_refused = !plans[id].refusal.empty();
    bool has_way = is_local || is_refused || plans[id].route != Route::kUnsupported;
    EXPECT_TRUE(has_way) << spec.name;
    EXPECT_FALSE(is_local && is_refused) << spec.name;
  }
}

TEST(Routes, ARefusalIsNotTakenBackByAComposition) {
  auto plans = PlanAllCommands(Compositions());
  for (const Refusal& refusal : Refusals()) {
    const auto* spec = protocol::FindCommandByFullName(refusal.full_name);
    ASSERT_NE(spec, nullptr) << refusal.full_name;
    EXPECT_EQ(plans[protocol::IdOf(*spec)].route, Route::kUnsupported) << refusal.full_name;
  }
}

// Who sends a plain command looks at nothing else.
TEST(Routes, APlainCommandNeedsNothingButAShard) {
  AuditLog audit;
  const auto plans = PlanAllCommands(Compositions());
  std::size_t plain = 0;
  for (std::size_t i = 0; i < plans.size(); ++i) {
    if (!plans[i].is_plain) continue;
    ++plain;
    const auto id = static_cast<protocol::CommandId>(i);
    ASSERT_FALSE(protocol::IsLearned(id));
    const auto& spec = protocol::CommandById(id);
    EXPECT_EQ(FindLocalCommand(id), nullptr) << spec.name;
    EXPECT_FALSE(audit.Notes(id)) << spec.name;
    EXPECT_TRUE(spec.subcommands.empty()) << spec.name;
    EXPECT_FALSE(spec.flags.Has(protocol::CommandFlag::kBlocking)) << spec.name;
  }
  EXPECT_GT(plain, 100u);
}

}  // namespace
}  // namespace slotway::proxy
