// SPDX-License-Identifier: Apache-2.0
// With SLOTWAY_WRITE_DOCUMENTS in the environment the test writes the document instead.
#include "proxy/client/command_document.h"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

namespace slotway::proxy {
namespace {

const std::string kPath = SLOTWAY_TEST_DATA "/../../docs/commands.md";

TEST(CommandDocument, IsWhatTheTablesSay) {
  std::string wanted = CommandDocument();
  if (std::getenv("SLOTWAY_WRITE_DOCUMENTS") != nullptr) {
    std::ofstream(kPath) << wanted;
  }
  std::stringstream found;
  found << std::ifstream(kPath).rdbuf();
  EXPECT_TRUE(found.str() == wanted)
      << "docs/commands.md is old: run SLOTWAY_WRITE_DOCUMENTS=1 proxy_client_test "
         "--gtest_filter='CommandDocument.*' and commit it";
}

}  // namespace
}  // namespace slotway::proxy
