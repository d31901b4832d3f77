// SPDX-License-Identifier: Apache-2.0
// What was queued behind MULTI, looked at again when EXEC carries it out.
#pragma once

namespace slotway::proxy {

class ClientSession;
class TransactionQueue;

// Takes out what the session's user may not do inside of the transaction: its rules have changed,
// or AUTH and HELLO make somebody else of it on the way. As they run behind what is inside, they
// are tried here without becoming anybody. What stands outside is looked at when it runs. REQUIRES:
// SessionState::is_executing.
void RefuseWhatIsDenied(ClientSession& session, TransactionQueue& queue);

}  // namespace slotway::proxy
