// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/node_view.h"

#include <gtest/gtest.h>

namespace slotway::proxy {
namespace {

const std::string kIdA(40, 'a');
const std::string kIdB(40, 'b');
const protocol::Endpoint kAsked{"10.0.0.1", 7000};

std::string ViewText(const std::string& open) {
  return kIdA + " :7000@17000 myself,master - 0 0 1 connected 0-99 200 " + open + "\n" + kIdB +
         " 10.0.0.2:7000@17000 master - 0 1 2 connected 100-199\n";
}

TEST(NodeViewTest, ReadsWhatIsOnTheMove) {
  auto view = ParseNodeView(ViewText("[5->-" + kIdB + "] [150-<-" + kIdB + "]"), kAsked);
  ASSERT_TRUE(view) << view.error().text;
  EXPECT_EQ(view->my_id, kIdA);
  EXPECT_EQ(view->migrating_to, (std::map<int, std::string>{{5, kIdB}}));
  EXPECT_EQ(view->importing_from, (std::map<int, std::string>{{150, kIdB}}));
  EXPECT_EQ(view->CountSlotsOf(kIdA), 101);
  EXPECT_EQ(view->CountSlotsOf(kIdB), 100);
  EXPECT_FALSE(view->IsAlone());
  EXPECT_EQ(view->Myself().endpoint, kAsked);
}

TEST(NodeViewTest, RefusesWhatItCannotRead) {
  for (const char* open : {"[5->-", "[x->-b]", "[99999->-b]", "[5=>b]"}) {
    EXPECT_FALSE(ParseNodeView(ViewText(open), kAsked)) << open;
  }
  EXPECT_FALSE(ParseNodeView("", kAsked));
}

TEST(NodeViewTest, AHandshakeIsNoMemberAndNoAgreement) {
  const std::string text = kIdA + " :7000@17000 myself,master - 0 0 0 connected\n" + kIdB +
                           " 10.0.0.2:7000@17000 handshake - 0 0 0 connected\n";
  auto view = ParseNodeView(text, kAsked);
  ASSERT_TRUE(view) << view.error().text;
  EXPECT_TRUE(view->has_handshakes);
  EXPECT_FALSE(view->IsAlone());
  EXPECT_EQ(view->Find(kIdB), nullptr);
}

TEST(NodeViewTest, TheDigestIsThatOfAllWhoAgree) {
  auto mine = ParseNodeView(ViewText(""), kAsked);
  const std::string theirs = kIdB +
                             " 10.0.0.2:7000@17000 myself,master - 0 1 2 connected 100-199\n" +
                             kIdA + " 10.0.0.1:7000@17000 master - 0 0 1 connected 0-99 200\n";
  auto other = ParseNodeView(theirs, {"10.0.0.2", 7000});
  ASSERT_TRUE(mine && other);
  EXPECT_EQ(mine->Digest(), other->Digest());
  auto moved = ParseNodeView(kIdA + " :7000@17000 myself,master - 0 0 1 connected 0-98 200\n" +
                                 kIdB + " 10.0.0.2:7000@17000 master - 0 1 2 connected 99-199\n",
                             kAsked);
  ASSERT_TRUE(moved);
  EXPECT_NE(moved->Digest(), mine->Digest());
}

}  // namespace
}  // namespace slotway::proxy
