// SPDX-License-Identifier: Apache-2.0
#include "proxy/meters/worker_meter.h"

#include <gtest/gtest.h>

#include "proxy/meters/access_log.h"

namespace slotway::proxy {
namespace {

constexpr std::uint64_t kUsPerSecond = 1'000'000;

class WorkerMeterTest : public testing::Test {
 protected:
  WorkerMeterTest() {
    settings_.hot_keys.sample = 10;
    meter_.Apply(settings_, 1);
  }

  // So many requests for the same key within `us`; how many are drawn.
  int Ask(int requests, std::uint64_t us) {
    int drawn = 0;
    const std::uint64_t began_us = meter_.now_us;
    for (int i = 1; i <= requests; ++i) {
      meter_.now_us =
          began_us + us * static_cast<std::uint64_t>(i) / static_cast<std::uint64_t>(requests);
      if (!meter_.IsDrawn()) continue;
      ++drawn;
      meter_.Draw("key");
    }
    return drawn;
  }
  double Samples() const { return meter_.hot_keys.Read(meter_.now_us / 1000).samples; }

  config::ProxyConfig settings_;
  AccessLog access_;
  WorkerMeter meter_{"slotway-0-0", access_};
};

TEST_F(WorkerMeterTest, OneOfSoManyIsDrawn) {
  EXPECT_NEAR(Ask(2000, kUsPerSecond), 200, 40);
  EXPECT_NEAR(Samples(), 200, 40);
}

TEST_F(WorkerMeterTest, OfVeryManyFewerAreDrawnAndCountForMore) {
  Ask(1'000'000, kUsPerSecond);
  const double before = Samples();
  EXPECT_NEAR(before, 100'000, 10'000);
  EXPECT_LE(Ask(1'000'000, kUsPerSecond), 2100);
  EXPECT_NEAR(Samples() - before, 100'000, 10'000);
}

TEST_F(WorkerMeterTest, WhenThereAreFewAgainAllThatMayBeAreDrawn) {
  Ask(1'000'000, kUsPerSecond);
  Ask(200'000, 100 * kUsPerSecond);
  EXPECT_NEAR(Ask(2000, kUsPerSecond), 200, 40);
}

TEST_F(WorkerMeterTest, TheTimeIsTakenOnceForAFewClientsOfAnIteration) {
  meter_.now_us = 0;
  meter_.TouchForClient(1);
  const std::uint64_t first_us = std::exchange(meter_.now_us, 0);
  EXPECT_GT(first_us, 0u);
  meter_.TouchForClient(1);
  EXPECT_EQ(meter_.now_us, 0u);
  meter_.TouchForClient(2);
  EXPECT_GT(meter_.now_us, 0u);
  meter_.now_us = 0;
  for (int i = 0; i < 8; ++i) meter_.TouchForClient(2);
  EXPECT_GT(meter_.now_us, 0u);
}

}  // namespace
}  // namespace slotway::proxy
