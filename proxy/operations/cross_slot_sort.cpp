// SPDX-License-Identifier: Apache-2.0
// SORT with BY and GET, whose patterns name keys of any slots: a cluster's shards refuse it.
//
// The elements come from their shard, which also sorts them if their own order is wanted. Weights
// and what GET names are read key by key, each at a moment of its own. STORE puts the outcome next
// to the destination under a name that expires, then over the destination: that is atomic.
#include <algorithm>
#include <optional>
#include <utility>

#include "protocol/resp_array.h"
#include "protocol/resp_writer.h"
#include "proxy/operations/compositions.h"
#include "proxy/operations/cross_slot.h"
#include "proxy/operations/sort_request.h"

namespace slotway::proxy {
namespace {

class PatternSort final : public CrossSlotOperation {
 public:
  using CrossSlotOperation::CrossSlotOperation;

  void Begin(bool may_store) {
    auto request = ParseSort(std::span<const std::string>(Args()).subspan(2), may_store);
    if (!request) return FinishWithError(request.error());
    sort_ = std::move(*request);
    CheckFirst({Source()}, false);
  }

 private:
  enum class Step : std::uint8_t {
    kType,
    kElements,
    kWeights,
    kValues,
    kPush,
    kExpire,
    kStore,
    kTidyUp,
  };
  // Questions on their way at once; arguments of a request.
  static constexpr std::size_t kPortion = 5000;
  using Value = std::optional<std::string>;
  struct Question {
    std::size_t part;
    std::vector<std::string> words;  // the second is the key
  };

  const std::string& Source() const { return KeyAt(0); }

  void Proceed() override {
    // What is stored has an order, also if a set's own is asked for.
    if (!sort_.is_unsorted || !sort_.destination) return AskElements();
    step_ = Step::kType;
    Ask(kFirstPart, {"TYPE", Source()}, Source(), true);
  }

  void AskElements() {
    step_ = Step::kElements;
    std::vector<std::string> words = {Args()[0], Source()};
    auto add = [&](auto... more) { (words.emplace_back(more), ...); };
    if (sort_.is_unsorted || sort_.by) add("BY", "nosort");
    if (!sort_.by) {
      add("LIMIT", std::to_string(sort_.limit_offset), std::to_string(sort_.limit_count));
      if (sort_.is_alpha) add("ALPHA");
      if (sort_.is_descending) add("DESC");
    }
    Ask(kFirstPart, words, Source(), true);
  }

  void TakeReply(std::size_t part, std::string_view reply) override {
    switch (step_) {
      case Step::kType:
        if (reply == "+set\r\n") {  // wire: a constant reply
          sort_.is_unsorted = false;
          sort_.is_alpha = true;
        }
        return AskElements();
      case Step::kElements:
        return TakeElements(reply);
      case Step::kWeights:
      case Step::kValues:
        return TakeAnswer(part, reply);
      case Step::kPush:
        return IsError(reply) ? TidyUp(reply) : Expire();
      case Step::kExpire:
        return pushed_ < answers_.size() ? PushMore() : PutInPlace();
      case Step::kStore:
        return TidyUp(reply);
      case Step::kTidyUp:
        return Finish(std::string(reply_));
    }
  }

  static bool IsError(std::string_view reply) { return reply.starts_with('-'); }

  void TakeElements(std::string_view reply) {
    if (IsError(reply)) return Finish(reply);
    std::vector<std::string_view> elements;
    if (!protocol::SplitArray(reply, elements)) {
      return FinishWithError("ERR The shard's answer to SORT is none");
    }
    if (!CountBytes(reply.size() + elements.size() * sizeof(SortedElement))) return;
    for (std::string_view element : elements) {
      elements_.push_back({BulkOf(element).value_or(""), std::nullopt});
    }
    if (sort_.by) return BeginStep(Step::kWeights, 1);
    BeginStep(Step::kValues, GetsOfElement());
  }

  // What is read for all elements: all of the first one, all of the second, ...
  void BeginStep(Step step, std::size_t per_element) {
    step_ = step;
    asked_ = 0;
    answers_.assign(elements_.size() * per_element, std::nullopt);
    if (CountBytes(answers_.size() * sizeof(Value))) AskMore();
  }

  // In portions, so that not all requests wait at once. The last answer may end the operation
  // while it is sent.
  void AskMore() {
    std::vector<Question> portion;
    for (; asked_ < answers_.size() && portion.size() < kPortion; ++asked_) {
      AddQuestion(asked_, portion);
    }
    left_ = portion.size();
    if (portion.empty()) return step_ == Step::kWeights ? Order() : Conclude();
    for (const Question& question : portion) {
      Ask(kFirstPart + question.part, question.words, question.words[1], true);
    }
  }

  void AddQuestion(std::size_t part, std::vector<Question>& questions) const {
    bool is_weight = step_ == Step::kWeights;
    if (!is_weight && sort_.gets.empty()) return;
    const SortPattern& pattern = is_weight ? *sort_.by : sort_.gets[part % GetsOfElement()];
    if (!pattern.NamesKeys()) return;
    std::size_t element = is_weight ? part : part / GetsOfElement();
    std::string key = pattern.KeyOf(elements_[element].element);
    if (pattern.Field().empty()) {
      questions.push_back({part, {"GET", std::move(key)}});
    } else {
      questions.push_back({part, {"HGET", std::move(key), std::string(pattern.Field())}});
    }
  }

  void TakeAnswer(std::size_t part, std::string_view reply) {
    const bool has_room = HasRoomFor(reply.size());
    // A key of another type is as good as none.
    bool is_failure = IsError(reply) && !reply.starts_with("-WRONGTYPE ");
    if (is_failure && reply_.empty()) reply_ = reply;
    if (!IsError(reply) && has_room) answers_[part] = BulkOf(reply);
    if (--left_ > 0) return;
    if (!reply_.empty()) return Finish(std::string(reply_));
    if (CountBytes()) AskMore();
  }

  void Order() {
    for (std::size_t i = 0; i < answers_.size(); ++i) elements_[i].weight = std::move(answers_[i]);
    if (!OrderByWeights(sort_, elements_)) {
      return FinishWithError("ERR One or more scores can't be converted into double");
    }
    auto [first, last] = LimitOf(sort_, elements_.size());
    auto begin = elements_.begin();
    elements_.erase(begin + static_cast<std::ptrdiff_t>(last), elements_.end());
    elements_.erase(begin, begin + static_cast<std::ptrdiff_t>(first));
    BeginStep(Step::kValues, GetsOfElement());
  }

  std::size_t GetsOfElement() const { return std::max<std::size_t>(sort_.gets.size(), 1); }

  void Conclude() {
    for (std::size_t i = 0; i < answers_.size(); ++i) {
      std::size_t g = i % GetsOfElement();
      bool is_element = sort_.gets.empty() || sort_.gets[g].IsElement();
      if (is_element) answers_[i] = elements_[i / GetsOfElement()].element;
    }
    if (sort_.destination) return Store();
    std::string out;
    protocol::StringSink sink{out};
    protocol::RespWriter<protocol::StringSink> writer(sink, Version());
    writer.Array(answers_.size());
    for (const Value& value : answers_) {
      if (value) {
        writer.Bulk(*value);
      } else {
        writer.Null();
      }
    }
    Finish(out);
  }

  void Store() {
    copy_ = NewName(Dispatch().SlotOf(*sort_.destination));
    return answers_.empty() ? PutInPlace() : PushMore();
  }

  // In portions: a request has a bound of arguments.
  void PushMore() {
    step_ = Step::kPush;
    std::vector<std::string> words = {"RPUSH", copy_};
    std::size_t end = std::min(pushed_ + kPortion, answers_.size());
    for (; pushed_ < end; ++pushed_) words.push_back(answers_[pushed_].value_or(""));
    Ask(kFirstPart, words, copy_, false);
  }

  void Expire() {
    step_ = Step::kExpire;
    Ask(kFirstPart, {"PEXPIRE", copy_, std::to_string(CopyTimeToLiveMs())}, copy_, true);
  }

  void PutInPlace() {
    step_ = Step::kStore;
    Ask(kFirstPart, {"SORT", copy_, "BY", "nosort", "STORE", *sort_.destination}, copy_, false);
  }

  void TidyUp(std::string_view reply) {
    reply_ = reply;
    step_ = Step::kTidyUp;
    Ask(kFirstPart, {"UNLINK", copy_}, copy_, true);
  }

  SortRequest sort_;
  Step step_ = Step::kType;
  std::vector<SortedElement> elements_;
  std::vector<Value> answers_;
  std::size_t asked_ = 0;  // of the answers that are wanted
  std::size_t left_ = 0;  // of the portion
  std::string copy_;
  std::size_t pushed_ = 0;
  std::string reply_;  // for the client
};

}  // namespace

void StartPatternSort(const OperationContext& context) {
  (new PatternSort(context))->Begin(context.request.spec->IsWrite());
}

}  // namespace slotway::proxy
