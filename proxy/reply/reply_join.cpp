// SPDX-License-Identifier: Apache-2.0
#include "proxy/reply/reply_join.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "protocol/error_reply.h"
#include "protocol/resp_array.h"
#include "protocol/resp_writer.h"

namespace slotway::proxy {
namespace {

void Combine(MergeRule rule, std::int64_t value, std::int64_t& total) {
  switch (rule) {
    case MergeRule::kSum:
      total += value;
      break;
    case MergeRule::kMin:
      total = std::min(total, value);
      break;
    case MergeRule::kMax:
      total = std::max(total, value);
      break;
    case MergeRule::kLogicalAnd:
      total = (total != 0 && value != 0) ? 1 : 0;
      break;
    case MergeRule::kLogicalOr:
      total = (total != 0 || value != 0) ? 1 : 0;
      break;
    default:
      assert(false);
  }
}

// Errors that a request, a key or a script is the reason of, not the state of one node.
constexpr std::array<std::string_view, 10> kCodesOfRequests = {
    "BUSY",    "BUSYGROUP", "BUSYKEY",  "ERR",        "EXECABORT",
    "NOGROUP", "NOSCRIPT",  "NOTBUSY", "UNKILLABLE", "WRONGTYPE",
};

bool IsOfRequest(std::string_view error_reply) {
  std::string_view text = protocol::ErrorTextOf(error_reply);
  std::string_view code = text.substr(0, text.find(' '));
  return std::find(kCodesOfRequests.begin(), kCodesOfRequests.end(), code) !=
         kCodesOfRequests.end();
}

constexpr std::string_view kUnexpectedReply =
    // wire: a constant reply.
    "-ERR a shard gave a reply that cannot be joined with the others\r\n";

}  // namespace

MergeRule MergeRuleOf(protocol::ResponsePolicy policy, bool has_keys) {
  using protocol::ResponsePolicy;
  switch (policy) {
    case ResponsePolicy::kOneSucceeded:
      return MergeRule::kOneSucceeded;
    case ResponsePolicy::kAllSucceeded:
      return MergeRule::kAllSucceeded;
    case ResponsePolicy::kAggLogicalAnd:
      return MergeRule::kLogicalAnd;
    case ResponsePolicy::kAggLogicalOr:
      return MergeRule::kLogicalOr;
    case ResponsePolicy::kAggMin:
      return MergeRule::kMin;
    case ResponsePolicy::kAggMax:
      return MergeRule::kMax;
    case ResponsePolicy::kAggSum:
      return MergeRule::kSum;
    case ResponsePolicy::kDefault:
    case ResponsePolicy::kSpecial:
      break;
  }
  return has_keys ? MergeRule::kByKeyOrder : MergeRule::kConcatenate;
}

ReplyJoin::ReplyJoin(MergeRule rule, std::size_t parts) : rule_(rule), parts_(parts) {}

void ReplyJoin::SetKeyPlaces(std::size_t part, std::vector<std::uint32_t> places) {
  for (std::uint32_t place : places) {
    if (place >= elements_.size()) elements_.resize(place + 1);
  }
  parts_[part].places = std::move(places);
}

void ReplyJoin::Fold(std::size_t part, std::string_view reply) {
  bool is_error = !reply.empty() && reply[0] == '-';
  if (is_error) {
    if (error_.empty()) {
      error_ = reply;
      failed_part_ = part;
    }
    if (error_ == reply) ++same_errors_;
    return;
  }
  switch (rule_) {
    case MergeRule::kAllSucceeded:
    case MergeRule::kOneSucceeded:
      if (bytes_.empty()) bytes_ = reply;
      return;
    case MergeRule::kConcatenate:
    case MergeRule::kByKeyOrder:
      FoldArray(part, reply);
      return;
    default:
      FoldIntegers(reply);
  }
}

void ReplyJoin::FoldIntegers(std::string_view reply) {
  std::vector<std::string_view> elements;
  if (protocol::SplitArray(reply, elements)) {
    is_integer_array_ = true;
  } else {
    elements.push_back(reply);
  }
  bool is_first = integers_.empty();
  if (!is_first && elements.size() != integers_.size()) {
    error_ = kUnexpectedReply;
    return;
  }
  for (std::size_t i = 0; i < elements.size(); ++i) {
    auto value = protocol::ParseIntegerReply(elements[i]);
    if (!value) {
      error_ = kUnexpectedReply;
    } else if (is_first) {
      integers_.push_back(*value);
    } else {
      Combine(rule_, *value, integers_[i]);
    }
  }
}

void ReplyJoin::FoldArray(std::size_t part, std::string_view reply) {
  std::vector<std::string_view> elements;
  bool is_array = protocol::SplitArray(reply, elements);
  if (rule_ == MergeRule::kConcatenate) {
    if (!is_array) {
      error_ = kUnexpectedReply;
      return;
    }
    element_count_ += elements.size();
    for (std::string_view element : elements) bytes_ += element;
    return;
  }
  const std::vector<std::uint32_t>& places = parts_[part].places;
  if (!is_array || elements.size() != places.size()) {
    error_ = kUnexpectedReply;
    return;
  }
  for (std::size_t i = 0; i < places.size(); ++i) elements_[places[i]] = elements[i];
}

// If all parts failed alike there is nothing to tell apart; nor if the request is what is wrong.
std::string ReplyJoin::ErrorResult() const {
  const std::string& name = parts_[failed_part_].name;
  if (name.empty() || IsOfRequest(error_) || same_errors_ == 0 || same_errors_ == parts_.size()) return error_;
  std::string named = error_.substr(0, error_.size() - 2) + " (" + name + ")";
  return named + error_.substr(error_.size() - 2);
}

std::string ReplyJoin::Result() const {
  bool one_is_enough = rule_ == MergeRule::kOneSucceeded && !bytes_.empty();
  if (!error_.empty() && !one_is_enough) return ErrorResult();
  std::string result;
  switch (rule_) {
    case MergeRule::kAllSucceeded:
    case MergeRule::kOneSucceeded:
      return bytes_;
    case MergeRule::kConcatenate:
      protocol::AppendArrayHeader(element_count_, result);
      return result + bytes_;
    case MergeRule::kByKeyOrder:
      protocol::AppendArrayHeader(elements_.size(), result);
      for (const std::string& element : elements_) result += element;
      return result;
    default:
      break;
  }
  protocol::StringSink sink{result};
  protocol::RespWriter<protocol::StringSink> writer(sink, protocol::RespVersion::kResp2);
  if (is_integer_array_) writer.Array(integers_.size());
  for (std::int64_t value : integers_) writer.Integer(value);
  return result;
}

}  // namespace slotway::proxy
