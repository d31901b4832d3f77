// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/pod_scale.h"

#include <gtest/gtest.h>

namespace slotway::proxy {
namespace {

TEST(PodScaleTest, ReadsWhatIsWantedAndNotWhatThereIs) {
  EXPECT_EQ(*ReadScale(R"({"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{"name":"a"},)"
                       R"("spec":{"replicas":6},"status":{"replicas":8,"selector":"a=b"}})"),
            6);
  EXPECT_EQ(*ReadScale("{\n  \"kind\": \"Scale\",\n  \"spec\": {\n    \"replicas\": 12\n  }\n}\n"), 12);
}

TEST(PodScaleTest, ZeroIsLeftOut) {
  EXPECT_EQ(*ReadScale(R"({"kind":"Scale","spec":{},"status":{"replicas":8}})"), 0);
}

TEST(PodScaleTest, WhatIsNoScaleIsAnError) {
  for (const char* json : {"", "{}", R"({"kind":"Status","status":"Failure"})", R"({"spec":{"replicas":3}})",
                           R"({"kind":"Scale"})", R"({"kind":"Scale","spec":{"replicas":"x"}})",
                           R"({"kind":"Scale","spec":{"replicas":99999999999}})"}) {
    EXPECT_FALSE(ReadScale(json)) << json;
  }
}

TEST(PodScaleTest, OrdinalsAreOfTheNamedSetOnly) {
  EXPECT_EQ(OrdinalOf("redis-shard-12", "redis-shard"), 12);
  EXPECT_EQ(OrdinalOf("redis-shard-0.redis-headless.default.svc", "redis-shard"), 0);
  EXPECT_EQ(OrdinalOf("redis-shard-x", "redis-shard"), std::nullopt);
  EXPECT_EQ(OrdinalOf("redis-shard", "redis-shard"), std::nullopt);
  EXPECT_EQ(OrdinalOf("redis-shards-1", "redis-shard"), std::nullopt);
  EXPECT_EQ(OrdinalOf("a-b-7.c-9"), 7);
  EXPECT_EQ(OrdinalOf("localhost"), std::nullopt);
  EXPECT_EQ(OrdinalOf(""), std::nullopt);
}

}  // namespace
}  // namespace slotway::proxy
