// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing/redirect.h"

#include <array>

#include "protocol/error_reply.h"

namespace slotway::proxy {
namespace {

struct Meaning {
  std::string_view code;
  ReplyVerdict verdict;
};

constexpr std::array<Meaning, 7> kMeanings = {{
    {"MOVED ", ReplyVerdict::kMoved},
    {"ASK ", ReplyVerdict::kAsk},
    {"TRYAGAIN ", ReplyVerdict::kTryAgain},
    {"LOADING ", ReplyVerdict::kRetry},
    {"CLUSTERDOWN ", ReplyVerdict::kRetryRefresh},
    {"MASTERDOWN ", ReplyVerdict::kRetryRefresh},
    {"READONLY ", ReplyVerdict::kRetryRefresh},
}};

}  // namespace

ReplyVerdict JudgeErrorReply(std::string_view reply) {
  std::string_view text = protocol::ErrorTextOf(reply);
  for (const Meaning& meaning : kMeanings) {
    if (text.starts_with(meaning.code)) return meaning.verdict;
  }
  return ReplyVerdict::kForClient;
}

}  // namespace slotway::proxy
