// SPDX-License-Identifier: Apache-2.0
#include "proxy/operations/slot_view.h"

#include <gtest/gtest.h>
#include <string>

namespace slotway::proxy {
namespace {

const std::string kA(40, 'a'), kB(40, 'b');

std::string Nodes() {
  return kA + " 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-99 200 [50->-" + kB +
         "] [60-<-" + kB + "]\n" + kB + " 127.0.0.1:7001@17001 master - 0 0 2 connected 100-199\n";
}

TEST(SlotView, WhatIsWholeAndWhereTheRestIs) {
  auto view = ParseSlotView(Nodes());
  ASSERT_TRUE(view);
  EXPECT_TRUE(view->whole.test(0));
  EXPECT_TRUE(view->whole.test(99));
  EXPECT_TRUE(view->whole.test(200));
  EXPECT_FALSE(view->whole.test(50));
  EXPECT_FALSE(view->whole.test(100));
  EXPECT_FALSE(view->whole.test(201));
  EXPECT_EQ(view->whole.count(), 100u);
  EXPECT_EQ(view->WhereElse(50)->port, 7001);
  EXPECT_EQ(view->WhereElse(150)->port, 7001);
  EXPECT_FALSE(view->WhereElse(0));
  EXPECT_FALSE(view->WhereElse(300));
}

TEST(SlotView, WhatIsNoViewIsNothing) {
  EXPECT_FALSE(ParseSlotView("nonsense"));
  std::string odd = Nodes();
  odd.replace(odd.find("[50->-"), 6, "[5x->-");
  auto view = ParseSlotView(odd);
  EXPECT_TRUE(!view || view->migrating_to.empty());
}

}  // namespace
}  // namespace slotway::proxy
