// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/aof_manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

namespace slotway::storage {
namespace {

using ::testing::ElementsAre;

TEST(AofManifestTest, IsReadAsItIsWritten) {
  const std::string text =
      "file a.2.base.rdb seq 2 type b\nfile a.1.incr.aof seq 1 type h\n"
      "file a.3.incr.aof seq 3 type i\nfile a.4.incr.aof seq 4 type i\n";
  const auto manifest = AofManifest::Parse("# a note\n" + text);
  ASSERT_TRUE(manifest) << manifest.error().text;
  EXPECT_EQ(manifest->Format(), text);
  EXPECT_THAT(manifest->FilesToRead(), ElementsAre("a.2.base.rdb", "a.3.incr.aof", "a.4.incr.aof"));
  EXPECT_EQ(manifest->NextBase("a", true).name, "a.3.base.rdb");
  EXPECT_EQ(manifest->NextBase("a", false).name, "a.3.base.aof");
  EXPECT_EQ(manifest->NextIncrement("a").name, "a.5.incr.aof");
}

TEST(AofManifestTest, NamesWithSpacesAreQuotedAndUnknownPairsSkipped) {
  const auto manifest = AofManifest::Parse("file \"a b.1.base.rdb\" seq 1 type b new value\n");
  ASSERT_TRUE(manifest) << manifest.error().text;
  EXPECT_THAT(manifest->FilesToRead(), ElementsAre("a b.1.base.rdb"));
  EXPECT_EQ(manifest->Format(), "file \"a b.1.base.rdb\" seq 1 type b\n");
  AofManifest odd;
  odd.base = AofFile{"a\n\t\x01", 2};
  EXPECT_EQ(odd.Format(), "file \"a\\n\\t\\x01\" seq 2 type b\n");
}

TEST(AofManifestTest, TellsWhatIsWrong) {
  struct Case {
    std::string text;
    std::string error;
  } cases[] = {
      {"", "it names no file to read"},
      {"file a seq 1 type b", "its last line has no end"},
      {"file a seq 1\n", "line 1 is not 'file <name> seq <number> type <b|i|h>'"},
      {"file a seq 1 type b new\n", "line 1 is not 'file <name> seq <number> type <b|i|h>'"},
      {"file a seq x type b\n", "line 1 has no number behind 'seq'"},
      {"file a seq 1 type b\nfile b seq 2 type b\n", "line 2 names a second base"},
      {"file a seq 2 type i\nfile b seq 2 type i\n", "line 2 has a number that does not grow"},
      {"file ../a seq 2 type i\n", "line 1 names a file elsewhere"},
      {"file a seq 18446744073709551615 type i\n", "line 1 has too large a number"},
      // Four times as long when it is written.
      {"file " + std::string(250, '\xff') + " seq 1 type b\n", "line 1 has too long a name"},
      {"file a seq 2 type x\n", "line 1 has an unknown type"},
      {"file a seq 1 type b x " + std::string(1002, 'x') + "\n", "line 1 is too long"},
  };
  for (const Case& c : cases) {
    const auto manifest = AofManifest::Parse(c.text);
    ASSERT_FALSE(manifest) << c.text;
    EXPECT_EQ(manifest.error().text, c.error);
  }
}

}  // namespace
}  // namespace slotway::storage
