// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing/redirect.h"

#include <array>

namespace slotway::proxy {
namespace {

struct Meaning {
  std::string_view prefix;
  ReplyVerdict verdict;
};

constexpr std::array<Meaning, 7> kMeanings = {{
    {"-MOVED ", ReplyVerdict::kMoved},
    {"-ASK ", ReplyVerdict::kAsk},
    {"-TRYAGAIN ", ReplyVerdict::kTryAgain},
    {"-LOADING ", ReplyVerdict::kRetry},
    {"-CLUSTERDOWN ", ReplyVerdict::kRetryRefresh},
    {"-MASTERDOWN ", ReplyVerdict::kRetryRefresh},
    {"-READONLY ", ReplyVerdict::kRetryRefresh},
}};

}  // namespace

ReplyVerdict JudgeErrorReply(std::string_view reply) {
  for (const Meaning& meaning : kMeanings) {
    if (reply.starts_with(meaning.prefix)) return meaning.verdict;
  }
  return ReplyVerdict::kForClient;
}

std::string_view ErrorTextOf(std::string_view reply) {
  if (reply.starts_with('-')) reply.remove_prefix(1);
  if (reply.ends_with("\r\n")) reply.remove_suffix(2);
  return reply;
}

}  // namespace slotway::proxy
