// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/handler_table.h"

#include <gtest/gtest.h>
#include <set>
#include <string>

#include "storage/commands/command_runner.h"

namespace slotway::storage {
namespace {

// What this version does not do, by family. A command that gets its function leaves this list.
const std::set<std::string> kUnsupportedGroups = {"scripting", "slotway"};
const std::set<std::string> kUnsupportedCommands = {
    "client|capa", "module|load", "module|loadex", "module|unload"};

TEST(HandlerTableTest, EveryRowHasAHandlerOrIsListed) {
  CommandRunner runner;
  for (const std::string& name : runner.Handlers().Unsupported()) {
    const protocol::CommandSpec* spec = protocol::FindCommandByFullName(name);
    ASSERT_NE(spec, nullptr) << name;
    std::string container = name.substr(0, name.find('|'));
    const protocol::CommandSpec* parent = protocol::FindCommandByFullName(container);
    bool is_listed = kUnsupportedCommands.contains(name) ||
                     kUnsupportedGroups.contains(std::string(spec->group)) ||
                     (parent && kUnsupportedGroups.contains(std::string(parent->group)));
    EXPECT_TRUE(is_listed) << name << " (" << spec->group << ") has no handler";
  }
}

TEST(HandlerTableTest, ListedCommandsHaveNoHandler) {
  CommandRunner runner;
  for (const std::string& name : kUnsupportedCommands) {
    const protocol::CommandSpec* spec = protocol::FindCommandByFullName(name);
    ASSERT_NE(spec, nullptr) << name << " has no row";
    EXPECT_FALSE(runner.Handlers().IsSupported(*spec)) << name << " is supported: unlist it";
  }
}

TEST(HandlerTableTest, UnsupportedCommandSaysSo) {
  CommandRunner runner;
  EXPECT_EQ(runner.Run({"module", "load", "x"}),
            "-ERR command 'module load' is not supported by this version of Slotway\r\n");
}

}  // namespace
}  // namespace slotway::storage
