// SPDX-License-Identifier: Apache-2.0
#include "proxy/meters/worker_meter.h"

#include <algorithm>
#include <span>

#include "protocol/key_extraction.h"
#include "protocol/request_prefix.h"
#include "protocol/shown_arguments.h"
#include "proxy/meters/access_log.h"

namespace slotway::proxy {
namespace {

constexpr std::uint64_t kUsPerMs = 1000;
constexpr std::uint64_t kUsPerSecond = 1'000'000;

std::uint64_t ThresholdUs(std::uint64_t ms) { return ms == 0 ? WorkerMeter::kNever : ms * kUsPerMs; }

}  // namespace

void WorkerMeter::Apply(const config::ProxyConfig& settings, std::size_t worker_count) {
  const config::SlowRequestsConfig& slow_settings = settings.slow_requests;
  const config::AccessLogConfig& access = settings.access_log;
  slow.SetBound(slow_settings.over_ms == 0
                    ? 0
                    : std::max<std::size_t>(slow_settings.kept_max / worker_count, 1));
  slow_from_us_ = ThresholdUs(slow_settings.over_ms);
  access_from_us_ = access.file.empty() ? kNever : ThresholdUs(access.slow_over_ms);
  look_from_us = std::min(slow_from_us_, access_from_us_);
  looked_each_ = access.file.empty() ? 0 : access.sample;
  until_look = looked_each_ == 0 ? kNever : looked_each_;
  drawn_each_ = settings.hot_keys.sample;
  until_draw_ = NextDraw();
  if (DrawnEach() == 0) hot_keys.Clear();
}

// xorshift64*: where a sample falls has to be unrelated to what clients do, and nothing more.
std::uint64_t WorkerMeter::Lot() {
  lot_ ^= lot_ >> 12;
  lot_ ^= lot_ << 25;
  lot_ ^= lot_ >> 27;
  return (lot_ * 0x2545f4914f6cdd1d) >> 1;
}

// By lot: in a pipeline that repeats itself each n-th request would be the same one.
std::uint64_t WorkerMeter::NextDraw() {
  const std::uint64_t each = std::uint64_t{DrawnEach()} * draw_weight_;
  return each == 0 ? kNever : 1 + Lot() % (2 * each - 1);
}

void WorkerMeter::Draw(std::string_view key) {
  if (DrawnEach() != 0 && !key.empty()) hot_keys.Sample(key, now_us / kUsPerMs, draw_weight_);
  if (++draws_ == kDrawsPerLook) AdjustWeight();
  until_draw_ = NextDraw();
}

void WorkerMeter::AdjustWeight() {
  constexpr std::uint64_t kPlannedUs = kDrawsPerLook * kUsPerSecond / kDrawsPerSecond;
  const std::uint64_t took_us = now_us - drawn_since_us_;
  if (took_us < kPlannedUs / 2) draw_weight_ = std::min(2 * draw_weight_, kWeightMax);
  if (took_us > kPlannedUs * 2) draw_weight_ = std::max(draw_weight_ / 2, 1u);
  draws_ = 0;
  drawn_since_us_ = now_us;
}

bool WorkerMeter::MayNoteSlow() {
  if (now_us - noting_since_us_ >= kUsPerSecond) {
    noting_since_us_ = now_us;
    slow_noted_ = 0;
  }
  return ++slow_noted_ <= kSlowNotedPerSecond;
}

void WorkerMeter::Note(const Exchange& exchange) {
  const bool is_slow = exchange.times.total_us >= slow_from_us_;
  const bool is_large = std::max(exchange.request_bytes, exchange.reply_bytes) >= kLargeBytes;
  if (exchange.is_sampled) until_look = looked_each_ == 0 ? kNever : looked_each_;
  const bool is_slow_access = exchange.times.total_us >= access_from_us_;
  if (is_slow_access || (exchange.is_sampled && looked_each_ != 0)) {
    access_.Write(exchange, is_slow_access);
  }
  if (!is_slow && !is_large) return;
  std::vector<std::string_view> args = protocol::RequestPrefix(exchange.request);
  if (args.empty()) return;
  const bool is_learned = protocol::IsLearned(exchange.command);
  if (is_large && !is_learned) NoteLarge(exchange, args);
  if (!is_slow) return;
  static const protocol::CommandSpec kUnknown{};
  if (is_learned) args.resize(1);  // which of the others are secret is not known
  slow.Add({.time_us = runtime::UnixUs(),
            .request_id = RequestIdOf(exchange.connection, exchange.ordinal),
            .client = exchange.client,
            .args = protocol::ShownArguments(
                is_learned ? kUnknown : protocol::CommandById(exchange.command), args),
            .node = std::string(exchange.node),
            .times = exchange.times,
            .reply_bytes = exchange.reply_bytes});
}

// Of several keys nobody can tell whose bytes they are.
void WorkerMeter::NoteLarge(const Exchange& exchange,
                            std::span<const std::string_view> args) {
  const protocol::CommandSpec& spec = protocol::CommandById(exchange.command);
  std::vector<protocol::KeyPosition> keys;
  if (protocol::ExtractKeys(spec, args, keys) != protocol::KeyExtractionError::kNone) return;
  if (keys.size() != 1) return;
  big_keys.Note(args[keys[0].index], spec.name,
                std::max(exchange.request_bytes, exchange.reply_bytes),
                runtime::UnixMs() / 1000);
}

}  // namespace slotway::proxy
