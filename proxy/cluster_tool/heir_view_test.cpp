// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/heir_view.h"

#include <gtest/gtest.h>

namespace slotway::proxy {
namespace {

using protocol::RespValue;

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

RespValue Node(std::string id, std::string role, std::int64_t offset, std::string health) {
  return List({Text("id"), Text(std::move(id)), Text("port"), Number(6379), Text("role"), Text(std::move(role)),
               Text("replication-offset"), Number(offset), Text("health"), Text(std::move(health))});
}

RespValue Shard(std::vector<RespValue> nodes) {
  return List({Text("slots"), List({Number(0), Number(100)}), Text("nodes"), List(std::move(nodes))});
}

TEST(HeirViewTest, AReplicaWithDataIsReady) {
  const RespValue shards =
      List({Shard({Node("b", "master", 7, "online")}),
            Shard({Node("a", "master", 7, "online"), Node("c", "replica", 0, "loading"),
                   Node("d", "replica", 5, "online")})});
  EXPECT_EQ(ReadHeir(shards, "a"), HeirView::kReady);
  EXPECT_EQ(ReadHeir(shards, "b"), HeirView::kNobody);
  EXPECT_EQ(ReadHeir(shards, "d"), HeirView::kNobody);
}

TEST(HeirViewTest, OneThatHasSaidNothingMayBe) {
  EXPECT_EQ(ReadHeir(List({Shard({Node("a", "master", 7, "online"), Node("c", "replica", 0, "loading")})}), "a"),
            HeirView::kUnheard);
}

TEST(HeirViewTest, WhoHasFailedIsNobody) {
  EXPECT_EQ(ReadHeir(List({Shard({Node("a", "master", 7, "online"), Node("c", "replica", 9, "fail")})}), "a"),
            HeirView::kNobody);
}

TEST(HeirViewTest, WhatIsNoAnswerIsNobody) {
  EXPECT_EQ(ReadHeir(RespValue(), "a"), HeirView::kNobody);
  EXPECT_EQ(ReadHeir(List({Number(1), List({Text("nodes")})}), "a"), HeirView::kNobody);
}

}  // namespace
}  // namespace slotway::proxy
