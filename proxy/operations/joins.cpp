// SPDX-License-Identifier: Apache-2.0
// Fan-outs whose replies join in ways of their own: logs by time, figures by sum, texts one below
// the other.
#include <algorithm>
#include <map>
#include <optional>

#include "protocol/ascii.h"
#include "protocol/command_table.h"
#include "protocol/resp_array.h"
#include "protocol/resp_reply_value.h"
#include "proxy/operations/compositions.h"
#include "proxy/operations/memory_stats.h"
#include "proxy/operations/slow_log.h"
#include "proxy/routing/fan_out.h"

namespace slotway::proxy {
namespace {

using protocol::RespValue;
using protocol::StringSink;
using Writer = protocol::RespWriter<StringSink>;

template <JoinReplies kJoin>
void StartJoined(const OperationContext& context) {
  FanOut::Manner manner;
  manner.join = kJoin;
  manner.is_readonly = true;
  FanOut::Start(context, manner);
}

// For what a shard may have nothing to say about.
template <JoinReplies kJoin>
void StartJoinedOfSome(const OperationContext& context) {
  FanOut::Manner manner;
  manner.join = kJoin;
  manner.is_readonly = true;
  manner.is_enough_if_one_succeeded = true;
  FanOut::Start(context, manner);
}

// What is not as expected is passed over: the other shards' replies are good.
std::vector<RespValue> Values(const FanOutReplies& replies) {
  std::vector<RespValue> values;
  for (const std::string& reply : replies.replies) {
    auto value = protocol::ParseRespValue(reply);
    values.push_back(value ? std::move(*value) : RespValue());
  }
  return values;
}

// The same text of all stays one; different ones stand below the shards' names.
std::string JoinTexts(const FanOutReplies& replies) {
  std::vector<RespValue> values = Values(replies);
  bool all_alike = std::all_of(values.begin(), values.end(), [&](const RespValue& value) {
    return value.text == values.front().text;
  });
  std::string text = values.front().text;
  if (!all_alike) {
    text.clear();
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!text.empty() && !text.ends_with('\n')) text += '\n';
      text += "# " + replies.names[i] + "\n" + values[i].text;
    }
  }
  std::string out;
  StringSink sink{out};
  Writer(sink, replies.version).Verbatim("txt", text);
  return out;
}

// The whole log has as many entries as each shard's may have: of older ones some are forgotten.
std::vector<std::string> WholeSlowLog(const FanOutReplies& replies,
                                      std::optional<std::size_t> asked) {
  std::vector<std::string> entries = JoinSlowLogs(replies.replies, asked);
  std::optional<std::size_t> most;
  for (const std::string& reply : replies.replies_then) {
    auto value = protocol::ParseRespValue(reply);
    if (!value || value->elements.size() != 2) continue;
    auto length = protocol::ParseInteger(value->elements[1].text);
    if (length) most = std::max(most.value_or(0), static_cast<std::size_t>(*length));
  }
  if (most && *most < entries.size()) entries.resize(*most);
  return entries;
}

// SLOWLOG GET: the newest of all shards first.
std::string JoinSlowLogEntries(const FanOutReplies& replies) {
  constexpr std::int64_t kCountByDefault = 10;
  auto wanted = replies.args.size() > 2 ? protocol::ParseInteger(replies.args[2]) : std::nullopt;
  std::int64_t count = wanted.value_or(kCountByDefault);
  auto asked = count < 0 ? std::nullopt : std::optional(static_cast<std::size_t>(count));
  std::vector<std::string> entries = WholeSlowLog(replies, asked);
  if (asked && *asked < entries.size()) entries.resize(*asked);
  std::string out;
  protocol::AppendArrayHeader(entries.size(), out);
  for (const std::string& entry : entries) out += entry;
  return out;
}

std::string CountSlowLogEntries(const FanOutReplies& replies) {
  std::string out;
  StringSink sink{out};
  Writer(sink, replies.version)
      .Integer(static_cast<std::int64_t>(WholeSlowLog(replies, std::nullopt).size()));
  return out;
}

FanOut::Manner MannerOfSlowLog(JoinReplies join) {
  FanOut::Manner manner;
  manner.join = join;
  manner.is_readonly = true;
  manner.then_args = {"CONFIG", "GET", "slowlog-max-len"};
  return manner;
}

void StartSlowLogGet(const OperationContext& context) {
  FanOut::Start(context, MannerOfSlowLog(JoinSlowLogEntries));
}

// How many there are is seen from all of them; one shard counts its own.
void StartSlowLogLen(const OperationContext& context) {
  if (context.dispatcher.SlotOfEachMaster().size() > 1) {
    return FanOut::Start(context, MannerOfSlowLog(CountSlowLogEntries), {"SLOWLOG", "GET", "-1"});
  }
  FanOut::Manner manner;
  manner.rule = MergeRule::kSum;
  manner.is_readonly = true;
  FanOut::Start(context, manner);
}

// LATENCY LATEST: per event the newest sample, and the highest ever of all shards.
std::string JoinLatestLatencies(const FanOutReplies& replies) {
  std::map<std::string, std::vector<std::int64_t>> figures_of_event;
  for (const RespValue& reply : Values(replies)) {
    for (const RespValue& event : reply.elements) {
      if (event.elements.size() < 4) continue;
      std::vector<std::int64_t> figures;
      for (std::size_t i = 1; i < event.elements.size(); ++i) {
        figures.push_back(event.elements[i].integer);
      }
      std::vector<std::int64_t>& joined = figures_of_event[event.elements[0].text];
      std::int64_t highest = std::max(figures[2], joined.empty() ? 0 : joined[2]);
      if (joined.empty() || figures[0] > joined[0]) joined = figures;
      joined[2] = highest;
    }
  }
  std::string out;
  StringSink sink{out};
  Writer writer(sink, replies.version);
  writer.Array(figures_of_event.size());
  for (const auto& [event, figures] : figures_of_event) {
    writer.Array(figures.size() + 1);
    writer.Bulk(event);
    for (std::int64_t figure : figures) writer.Integer(figure);
  }
  return out;
}

// LATENCY HISTORY: the samples of all shards in the order of time.
std::string JoinLatencyHistories(const FanOutReplies& replies) {
  std::vector<std::pair<std::int64_t, std::int64_t>> samples;
  for (const RespValue& reply : Values(replies)) {
    for (const RespValue& sample : reply.elements) {
      if (sample.elements.size() != 2) continue;
      samples.emplace_back(sample.elements[0].integer, sample.elements[1].integer);
    }
  }
  std::stable_sort(samples.begin(), samples.end());
  std::string out;
  StringSink sink{out};
  Writer writer(sink, replies.version);
  writer.Array(samples.size());
  for (const auto& [time, latency_ms] : samples) {
    writer.Array(2);
    writer.Integer(time);
    writer.Integer(latency_ms);
  }
  return out;
}

// LATENCY HISTOGRAM: calls are added; so are the buckets, which count up to their bound. What goes to
// each shard was called as often as the shard says that has seen most.
struct Histogram {
  std::int64_t calls = 0;
  std::vector<std::map<std::int64_t, std::int64_t>> buckets_of_shard;
};

std::map<std::int64_t, std::int64_t> AddBuckets(const Histogram& histogram) {
  std::map<std::int64_t, std::int64_t> joined;
  for (const auto& buckets : histogram.buckets_of_shard) {
    for (const auto& [bound, count] : buckets) joined[bound] = 0;
  }
  for (auto& [bound, total] : joined) {
    for (const auto& buckets : histogram.buckets_of_shard) {
      auto above = buckets.upper_bound(bound);
      if (above != buckets.begin()) total += std::prev(above)->second;
    }
  }
  return joined;
}

std::string JoinHistograms(const FanOutReplies& replies) {
  std::map<std::string, Histogram> histograms;
  for (const RespValue& reply : Values(replies)) {
    for (std::size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
      const std::vector<RespValue>& figures = reply.elements[i + 1].elements;
      if (figures.size() < 4) continue;
      Histogram& histogram = histograms[reply.elements[i].text];
      const protocol::CommandSpec* spec =
          protocol::FindCommandByFullName(reply.elements[i].text);
      if (spec != nullptr && GoesToEachShard(*spec)) {
        if (figures[1].integer <= histogram.calls) continue;
        histogram = {};
      }
      histogram.calls += figures[1].integer;
      const std::vector<RespValue>& pairs = figures[3].elements;
      auto& buckets = histogram.buckets_of_shard.emplace_back();
      for (std::size_t k = 0; k + 1 < pairs.size(); k += 2) {
        buckets[pairs[k].integer] = pairs[k + 1].integer;
      }
    }
  }
  std::string out;
  StringSink sink{out};
  Writer writer(sink, replies.version);
  writer.Map(histograms.size());
  for (const auto& [command, histogram] : histograms) {
    writer.Bulk(command);
    writer.Map(2);
    writer.Bulk("calls");
    writer.Integer(histogram.calls);
    writer.Bulk("histogram_usec");
    auto buckets = AddBuckets(histogram);
    writer.Map(buckets.size());
    for (const auto& [bound, count] : buckets) {
      writer.Integer(bound);
      writer.Integer(count);
    }
  }
  return out;
}

std::string JoinMemoryFigures(const FanOutReplies& replies) {
  std::string out;
  StringSink sink{out};
  Writer writer(sink, replies.version);
  WriteMemoryStats(JoinMemoryStats(Values(replies)), writer);
  return out;
}

bool IsOneShardsToo(std::span<const std::string_view>) { return true; }

constexpr Composition kCompositions[] = {
    {.full_name = "latency|doctor", .always = StartJoined<JoinTexts>,
     .suits_lone_shard = IsOneShardsToo},
    {.full_name = "latency|graph", .always = StartJoinedOfSome<JoinTexts>,
     .suits_lone_shard = IsOneShardsToo},
    {.full_name = "latency|histogram", .always = StartJoined<JoinHistograms>,
     .suits_lone_shard = IsOneShardsToo},
    {.full_name = "latency|history", .always = StartJoined<JoinLatencyHistories>,
     .suits_lone_shard = IsOneShardsToo},
    {.full_name = "latency|latest", .always = StartJoined<JoinLatestLatencies>,
     .suits_lone_shard = IsOneShardsToo},
    {.full_name = "memory|doctor", .always = StartJoined<JoinTexts>,
     .suits_lone_shard = IsOneShardsToo},
    {.full_name = "memory|malloc-stats", .always = StartJoined<JoinTexts>,
     .suits_lone_shard = IsOneShardsToo},
    {.full_name = "memory|stats", .always = StartJoined<JoinMemoryFigures>,
     .suits_lone_shard = IsOneShardsToo},
    {.full_name = "slowlog|get", .always = StartSlowLogGet, .suits_lone_shard = IsOneShardsToo},
    {.full_name = "slowlog|len", .always = StartSlowLogLen, .suits_lone_shard = IsOneShardsToo},
};

}  // namespace

std::span<const Composition> JoinedCompositions() { return kCompositions; }

}  // namespace slotway::proxy
