// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/script_denial.h"

#include <gtest/gtest.h>

namespace slotway::proxy {
namespace {

using protocol::AclLogReason;

// Replies of Redis 7.0, 7.2 and of the proxy's own making.
TEST(ScriptDenial, IsToldByTheWordsOfAnyVersion) {
  EXPECT_EQ(ScriptDenialIn("-ERR The user executing the script can't run this command or subcommand "
                           "script: 6b1b, on @user_script:1.\r\n"),
            AclLogReason::kCommand);
  EXPECT_EQ(ScriptDenialIn("-ERR The user executing the script can't access at least one of the keys "
                           "mentioned in the command arguments\r\n"),
            AclLogReason::kKey);
  EXPECT_EQ(ScriptDenialIn("-ERR The user executing the script can't publish to the channel mentioned "
                           "in the command\r\n"),
            AclLogReason::kChannel);
  EXPECT_EQ(ScriptDenialIn("-NOPERM User x has no permissions to run the 'set' command\r\n"),
            AclLogReason::kCommand);
  EXPECT_EQ(ScriptDenialIn("-NOPERM No permissions to access a key\r\n"), AclLogReason::kKey);
  EXPECT_EQ(ScriptDenialIn("-ERR no such key\r\n"), std::nullopt);
  EXPECT_EQ(ScriptDenialIn("$6\r\nNOPERM\r\n"), std::nullopt);
}

TEST(ScriptDenial, ItsObjectIsTheLatestOfThatUserAndKind) {
  const std::string latest =
      "$8\r\nusername\r\n$1\r\na\r\n$6\r\nreason\r\n$3\r\nkey\r\n$6\r\nobject\r\n$2\r\nk1\r\n";
  const std::string older =
      "$8\r\nusername\r\n$1\r\na\r\n$6\r\nreason\r\n$3\r\nkey\r\n$6\r\nobject\r\n$2\r\nk0\r\n";
  const std::string others =
      "$8\r\nusername\r\n$1\r\nb\r\n$6\r\nreason\r\n$7\r\ncommand\r\n$6\r\nobject\r\n$3\r\nset\r\n";
  for (const std::string head : {"*6\r\n", "%3\r\n"}) {  // RESP2 and RESP3
    const std::string log = "*3\r\n" + head + others + head + latest + head + older;
    EXPECT_EQ(ObjectInAclLog(log, "a", AclLogReason::kKey), "k1");
    EXPECT_EQ(ObjectInAclLog(log, "b", AclLogReason::kCommand), "set");
    EXPECT_EQ(ObjectInAclLog(log, "a", AclLogReason::kCommand), std::nullopt);
  }
  EXPECT_EQ(ObjectInAclLog("-NOPERM no\r\n", "a", AclLogReason::kKey), std::nullopt);
  EXPECT_EQ(ObjectInAclLog("*1\r\n*1\r\n$1\r\nx\r\n", "a", AclLogReason::kKey), std::nullopt);
}

}  // namespace
}  // namespace slotway::proxy
