// SPDX-License-Identifier: Apache-2.0
// One client's question to all workers: each is asked on its own thread, and the reply is written
// when all have said something.
//
// Until then no further request of the client is taken. The client may have gone when the reply is
// due; its session has not, as it is still owed one.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/client/client_session.h"

namespace slotway::proxy {

// `ask` is called on each worker's thread and calls what it is given once, there, perhaps later.
// `answer` is called on the client's thread with what the workers said, in their order.
template <class Said>
void GatherLater(LocalCall& call,
                 std::function<void(WorkerServices&, std::function<void(Said)>)> ask,
                 std::function<void(const std::vector<Said>&, LocalWriter&)> answer) {
  struct Gathering {
    ReplyQueue* queue;
    ReplyQueue::Sequence place;
    protocol::RespVersion version;
    std::function<void(const std::vector<Said>&, LocalWriter&)> answer;
    std::vector<Said> said;
    std::size_t left;

    void Take(std::size_t worker, Said said_there) {
      said[worker] = std::move(said_there);
      if (--left > 0) return;
      std::string reply;
      protocol::StringSink sink{reply};
      LocalWriter writer(sink, version);
      answer(said, writer);
      queue->Deliver(place, reply);
      queue->RemoveHeldBack();
    }
  };
  const Colleagues& colleagues = call.session.Services().colleagues;
  // shared: the tasks of all workers refer to it; only the client's own thread looks into it.
  auto gathering = std::make_shared<Gathering>();
  gathering->queue = &call.session.Replies();
  gathering->place = call.session.OpenPlace();
  ReplyMode& mode = call.session.State().reply_mode;
  if (mode == ReplyMode::kSkipNext) mode = ReplyMode::kOn;
  gathering->version = call.reply.Version();
  gathering->answer = std::move(answer);
  gathering->said.resize(colleagues.count);
  gathering->left = colleagues.count;
  gathering->queue->AddHeldBack();
  for (std::size_t worker = 0; worker < colleagues.count; ++worker) {
    colleagues.post(worker, [=, home = colleagues.own_index](WorkerServices& there) {
      ask(there, [=, &there](Said said) {
        there.colleagues.post(home, [=](WorkerServices&) { gathering->Take(worker, said); });
      });
    });
  }
}

// The same for what each worker can say at once.
template <class Said>
void GatherFromWorkers(LocalCall& call, std::function<Said(WorkerServices&)> ask,
                       std::function<void(const std::vector<Said>&, LocalWriter&)> answer) {
  GatherLater<Said>(
      call,
      [ask = std::move(ask)](WorkerServices& there, std::function<void(Said)> say) {
        say(ask(there));
      },
      std::move(answer));
}

}  // namespace slotway::proxy
