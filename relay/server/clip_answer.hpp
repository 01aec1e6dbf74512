#pragma once

#include <string>
#include <variant>

#include "relay/base/time.hpp"
#include "relay/disk/clip_plan.hpp"
#include "relay/http/query.hpp"
#include "relay/http/range.hpp"
#include "relay/http/request_head.hpp"
#include "relay/http/response.hpp"

// What a request for a clip means, and what is answered: without sockets, disks and clocks.
namespace server {

struct Refusal {
  unsigned status = 0;
  std::string reason;
};

/// A request that has one meaning.
struct ClipWanted {
  disk::ClipRequest request;
  /// The same request means something else a moment later: times were told from now, or the end is
  /// not over.
  bool is_moving = false;
};
/// `recorded`: where the recording of the stream ends, which may be ahead of the clock.
std::variant<ClipWanted, Refusal> read_clip_request(const std::string& stream,
                                                    const http::RangeQuery& range, base::Utc now,
                                                    base::Utc recorded, base::Duration clip_max);
/// Why there is no plan. `is_recorded`: the stream is meant to be.
Refusal refuse_clip(const disk::ClipRequest& request, base::Error error, bool is_recorded);

/// The address at which the clip stays what it is, below that of the stream.
std::string clip_location(const disk::ClipRequest& request);

struct ClipAnswer {
  http::ResponseHead head;
  http::Part part;  ///< of the clip; without bytes: the head is all
};
/// 200, 206, 304 or 416, whichever the conditions of the request ask for (RFC 9110, 13 and 14).
/// What is moving is sent as a whole, since a range would be of another file.
ClipAnswer answer_clip(const http::RequestHead& head, const ClipWanted& wanted,
                       const disk::ClipPlan& plan);

}  // namespace server
