// SPDX-License-Identifier: Apache-2.0
// What a sentinel says about the master it watches, and which of several sentinels to believe.
//
// Parsing never trusts its input; both forms of SENTINEL's replies are read, the flat arrays of
// RESP2 and the maps of RESP3.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "protocol/resp_reply_value.h"
#include "protocol/topology.h"

namespace slotway::protocol {

// One sentinel's view of one master.
struct SentinelView {
  Endpoint master;
  std::uint64_t config_epoch = 0;  // of the failover that made it master
  std::vector<Endpoint> replicas;
  std::vector<Endpoint> sentinels;  // the others that watch the same master
};

// The commands whose replies ParseSentinelView() takes, in its order.
std::vector<std::vector<std::string>> SentinelQuestions(const std::string& master_name);
// At most 1024 replicas and sentinels are taken.
tl::expected<SentinelView, std::string> ParseSentinelView(const std::vector<RespValue>& replies);

// The view to follow, or nullptr. The highest config epoch wins, since a majority of sentinels
// agreed to it; of equal ones the master that more of them name. Views older than `epoch_known`
// are the memory of a minority, and count only if more than half of `sentinels_known` have them:
// then the sentinels were set up anew.
const SentinelView* ChooseSentinelView(const std::vector<SentinelView>& views,
                                       std::uint64_t epoch_known, std::size_t sentinels_known);

// What sentinels announce of a failover, each on a channel of its own. From kPromotionBegins on the
// master loses what it is sent: within a tenth of a second a replica takes its place, and it is
// told so only when all other replicas follow the new one. kPromotionEnds: there is a new master,
// or it was given up.
enum class FailoverNews : std::uint8_t { kNone, kPromotionBegins, kPromotionEnds };
std::vector<std::string> FailoverChannels();
// The payload of "+switch-master" is "<name> <old host> <old port> <new host> <new port>", that of
// others "<type> <name> <host> <port>" of an instance, and " @ <master's name> <host> <port>" if
// that is none. kNone: it is about another master.
FailoverNews ParseFailoverNews(std::string_view channel, std::string_view payload,
                               std::string_view master_name);

}  // namespace slotway::protocol
