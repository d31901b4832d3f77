// SPDX-License-Identifier: Apache-2.0
// Reads over keys of several slots: sets, sorted sets and HyperLogLogs are fetched and combined
// here, so that nothing is written to the shards. Each key is read at one moment, the keys at
// moments a little apart.
#include <algorithm>
#include <cstdlib>
#include <limits>

#include "protocol/ascii.h"
#include "protocol/error_text.h"
#include "protocol/hello_reply.h"
#include "protocol/resp_array.h"
#include "protocol/resp_reply_value.h"
#include "proxy/operations/compositions.h"
#include "proxy/operations/cross_slot.h"
#include "proxy/operations/hyperloglog.h"
#include "proxy/operations/set_algebra.h"
#include "proxy/operations/sort_request.h"

namespace slotway::proxy {
namespace {

using protocol::StringSink;
using Writer = protocol::RespWriter<StringSink>;

bool IsWrongType(std::string_view reply) { return reply.starts_with("-WRONGTYPE "); }

// Fetches every key once and hands the replies over in the order of the request's keys.
class FetchingRead : public CrossSlotOperation {
 public:
  using CrossSlotOperation::CrossSlotOperation;
  void Begin() {
    names_ = DistinctKeys();
    CheckFirst(names_, true);
  }

 protected:
  virtual std::vector<std::string> FetchRequest(const std::string& key) const = 0;
  // What to ask instead if the key has the wrong type; empty: nothing.
  virtual std::vector<std::string> SecondRequest(const std::string&) const { return {}; }
  // Whether Compute() sees to the keys' errors; otherwise the first of them is the reply.
  virtual bool SeesErrors() const { return false; }
  // `replies` are those of the request's keys.
  virtual std::string Compute(const std::vector<std::string_view>& replies) const = 0;
  // Whether Redis looks at the keys' types before the words behind them.
  virtual bool LooksAtTypesFirst() const { return false; }
  // Whether the shard's version is wanted for the reply.
  virtual bool WantsVersion() const { return false; }
  // Whether the reply of the request's key `i` is to SecondRequest().
  bool IsSecond(std::size_t i) const { return is_second_[PlaceOf(KeyAt(i))]; }
  // The reply to HELLO; empty if it was not wanted or not given.
  const std::string& Hello() const { return hello_; }

 private:
  std::size_t PlaceOf(const std::string& key) const {
    return static_cast<std::size_t>(std::find(names_.begin(), names_.end(), key) - names_.begin());
  }

  void Proceed() override {
    replies_.resize(names_.size());
    is_second_.resize(names_.size());
    left_ = names_.size() + (WantsVersion() ? 1 : 0);
    // The last answer may end the operation while it is sent.
    std::vector<std::string> names = names_;
    // Without arguments HELLO changes nothing.
    if (WantsVersion()) Ask(kFirstPart + names.size(), {"HELLO"}, names[0], true);
    for (std::size_t i = 0; i < names.size(); ++i) {
      Ask(kFirstPart + i, FetchRequest(names[i]), names[i], true);
    }
  }

  void OnWrongWords(std::string reply) override {
    // Before the types it looks at the number of keys.
    bool is_about_count = reply.find(protocol::error_text::kNotInteger) != std::string::npos;
    if (!LooksAtTypesFirst() || is_about_count) return Finish(std::move(reply));
    words_error_ = std::move(reply);
    left_ = names_.size();
    std::vector<std::string> names = names_;
    for (std::size_t i = 0; i < names.size(); ++i) {
      Ask(kFirstPart + i, {"TYPE", names[i]}, names[i], true);
    }
  }

  void TakeType(std::string_view reply) {
    auto type = protocol::ParseRespValue(reply);
    bool is_good = type && (type->text == "none" || type->text == "set" || type->text == "zset");
    has_wrong_type_ = has_wrong_type_ || !is_good;
    if (--left_ > 0) return;
    if (has_wrong_type_) return FinishWithError(protocol::error_text::kWrongType);
    Finish(std::move(words_error_));
  }

  void TakeReply(std::size_t part, std::string_view reply) override {
    if (!words_error_.empty()) return TakeType(reply);
    if (part == names_.size()) {
      hello_ = reply;
      if (--left_ == 0) Conclude();
      return;
    }
    if (IsWrongType(reply) && !is_second_[part]) {
      auto second = SecondRequest(names_[part]);
      is_second_[part] = true;
      if (!second.empty()) return Ask(kFirstPart + part, second, names_[part], true);
    }
    if (HasRoomFor(reply.size())) replies_[part] = reply;
    if (--left_ == 0) Conclude();
  }

  void Conclude() {
    if (!CountBytes()) return;
    std::vector<std::string_view> of_keys;
    for (std::size_t i = 0; i < Keys().size(); ++i) {
      of_keys.push_back(replies_[PlaceOf(KeyAt(i))]);
      bool is_error = of_keys.back().starts_with('-');
      if (is_error && !SeesErrors()) return Finish(std::string(of_keys.back()));
    }
    Finish(Compute(of_keys));
  }

  std::vector<std::string> names_;
  std::vector<std::string> replies_;
  std::vector<bool> is_second_;
  std::string hello_;
  std::string words_error_;
  bool has_wrong_type_ = false;
  std::size_t left_ = 0;
};

// The words behind the keys. Their syntax has been found right.
struct Options {
  ScoreRule scores = ScoreRule::kSum;
  std::vector<double> weights;
  bool with_scores = false;
  std::size_t limit = std::numeric_limits<std::size_t>::max();
};

Options ReadOptions(const std::vector<std::string>& args, std::size_t begin, std::size_t keys) {
  Options options;
  auto is_word = [&](std::size_t i, std::string_view word) {
    return protocol::EqualsNoCase(args[i], word);
  };
  for (std::size_t i = begin; i < args.size(); ++i) {
    if (is_word(i, "withscores")) {
      options.with_scores = true;
    } else if (is_word(i, "weights")) {
      for (std::size_t k = 0; k < keys && i + 1 < args.size(); ++k) {
        options.weights.push_back(std::strtod(args[++i].c_str(), nullptr));
      }
    } else if (is_word(i, "aggregate") && i + 1 < args.size()) {
      ++i;
      if (is_word(i, "min")) options.scores = ScoreRule::kMin;
      if (is_word(i, "max")) options.scores = ScoreRule::kMax;
    } else if (is_word(i, "limit") && i + 1 < args.size()) {
      auto limit = protocol::ParseInteger(args[++i]).value_or(0);
      if (limit > 0) options.limit = static_cast<std::size_t>(limit);
    }
  }
  return options;
}

enum class Answer : std::uint8_t { kMembers, kCount };

class SetRead final : public FetchingRead {
 public:
  SetRead(const OperationContext& context, SetRule rule, Answer answer)
      : FetchingRead(context), rule_(rule), answer_(answer) {}

 private:
  std::vector<std::string> FetchRequest(const std::string& key) const override {
    return {"SMEMBERS", key};
  }
  std::string Compute(const std::vector<std::string_view>& replies) const override {
    // Encoded members are as good as bare ones for telling them apart.
    std::vector<std::vector<std::string_view>> sets(replies.size());
    for (std::size_t i = 0; i < replies.size(); ++i) protocol::SplitArray(replies[i], sets[i]);
    std::vector<std::string_view> result = CombineSets(rule_, sets);
    std::string out;
    StringSink sink{out};
    Writer writer(sink, Version());
    if (answer_ == Answer::kCount) {
      Options options = ReadOptions(Args(), Keys().back().index + 1, Keys().size());
      writer.Integer(static_cast<std::int64_t>(std::min(result.size(), options.limit)));
      return out;
    }
    writer.Set(result.size());
    for (std::string_view member : result) out += member;
    return out;
  }

  SetRule rule_;
  Answer answer_;
};

// Sources may be sets, too: their members have the score 1.
class SortedSetRead final : public FetchingRead {
 public:
  SortedSetRead(const OperationContext& context, SetRule rule, Answer answer)
      : FetchingRead(context), rule_(rule), answer_(answer) {}

 private:
  bool LooksAtTypesFirst() const override { return true; }
  bool WantsVersion() const override { return WordsSay().with_scores; }
  std::vector<std::string> FetchRequest(const std::string& key) const override {
    return {"ZRANGE", key, "0", "-1", "WITHSCORES"};
  }
  std::vector<std::string> SecondRequest(const std::string& key) const override {
    return {"SMEMBERS", key};
  }

  static double ScoreOf(const protocol::RespValue& value) {
    return value.IsText() ? std::strtod(value.text.c_str(), nullptr) : value.number;
  }
  // RESP2 has member, score, member, ...; RESP3 pairs; a set's reply has neither.
  static void ReadMembers(const protocol::RespValue& reply, bool is_set,
                          std::vector<ScoredMember>& members) {
    const auto& elements = reply.elements;
    for (std::size_t i = 0; i < elements.size(); ++i) {
      if (is_set) {
        members.push_back({elements[i].text, 1});
      } else if (elements[i].elements.size() == 2) {
        members.push_back({elements[i].elements[0].text, ScoreOf(elements[i].elements[1])});
      } else if (i + 1 < elements.size()) {
        members.push_back({elements[i].text, ScoreOf(elements[i + 1])});
        ++i;
      }
    }
  }

  std::string Compute(const std::vector<std::string_view>& replies) const override {
    std::vector<protocol::RespValue> values(replies.size());
    std::vector<std::vector<ScoredMember>> sets(replies.size());
    for (std::size_t i = 0; i < replies.size(); ++i) {
      auto value = protocol::ParseRespValue(replies[i]);
      if (value) values[i] = std::move(*value);
      ReadMembers(values[i], IsSecond(i), sets[i]);
    }
    Options options = WordsSay();
    auto result = CombineSortedSets(rule_, options.scores, sets, options.weights);
    std::string out;
    StringSink sink{out};
    Writer writer(sink, Version(), protocol::DoubleStyleOf(Hello()));
    if (answer_ == Answer::kCount) {
      writer.Integer(static_cast<std::int64_t>(std::min(result.size(), options.limit)));
      return out;
    }
    bool is_flat = options.with_scores && !writer.IsResp3();
    writer.Array(is_flat ? result.size() * 2 : result.size());
    for (const ScoredMember& member : result) {
      if (options.with_scores && !is_flat) writer.Array(2);
      writer.Bulk(member.member);
      if (options.with_scores) writer.Double(member.score);
    }
    return out;
  }

  Options WordsSay() const {
    return ReadOptions(Args(), Keys().back().index + 1, Keys().size());
  }

  SetRule rule_;
  Answer answer_;
};

class CountUnion final : public FetchingRead {
 public:
  using FetchingRead::FetchingRead;

 private:
  bool SeesErrors() const override { return true; }
  std::vector<std::string> FetchRequest(const std::string& key) const override {
    return {"GET", key};
  }
  std::string Compute(const std::vector<std::string_view>& replies) const override {
    std::string out;
    StringSink sink{out};
    Writer writer(sink, Version());
    HyperLogLogUnion joined;
    for (std::string_view reply : replies) {
      if (reply.starts_with('-')) return std::string(reply);
      auto value = BulkOf(reply);
      if (!value) continue;
      switch (joined.Add(*value)) {
        case HyperLogLogUnion::Error::kNone:
          continue;
        case HyperLogLogUnion::Error::kNoHyperLogLog:
          writer.Error("WRONGTYPE Key is not a valid HyperLogLog string value.");
          return out;
        case HyperLogLogUnion::Error::kCorrupted:
          writer.Error("INVALIDOBJ Corrupted HLL object detected");
          return out;
      }
    }
    writer.Integer(static_cast<std::int64_t>(joined.Count()));
    return out;
  }
};

template <class Read, SetRule kRule, Answer kAnswer>
void StartRead(const OperationContext& context) {
  (new Read(context, kRule, kAnswer))->Begin();
}

void StartCountUnion(const OperationContext& context) { (new CountUnion(context))->Begin(); }

constexpr auto kUnion = SetRule::kUnion;
constexpr auto kIntersection = SetRule::kIntersection;
constexpr auto kDifference = SetRule::kDifference;

constexpr Composition kCompositions[] = {
    {.full_name = "pfcount", .across_slots = StartCountUnion},
    {.full_name = "sdiff", .across_slots = StartRead<SetRead, kDifference, Answer::kMembers>},
    {.full_name = "sinter", .across_slots = StartRead<SetRead, kIntersection, Answer::kMembers>},
    {.full_name = "sintercard", .across_slots = StartRead<SetRead, kIntersection, Answer::kCount>},
    {.full_name = "sort_ro",
     .reads_more = HasSortPatterns,
     .when_reading_more = StartPatternSort},
    {.full_name = "sunion", .across_slots = StartRead<SetRead, kUnion, Answer::kMembers>},
    {.full_name = "zdiff", .across_slots = StartRead<SortedSetRead, kDifference, Answer::kMembers>},
    {.full_name = "zinter",
     .across_slots = StartRead<SortedSetRead, kIntersection, Answer::kMembers>},
    {.full_name = "zintercard",
     .across_slots = StartRead<SortedSetRead, kIntersection, Answer::kCount>},
    {.full_name = "zunion", .across_slots = StartRead<SortedSetRead, kUnion, Answer::kMembers>},
};

}  // namespace

std::span<const Composition> CrossSlotReads() { return kCompositions; }

}  // namespace slotway::proxy
