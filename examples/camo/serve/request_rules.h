// Which requests are answered at all: paths, methods, sizes, types, and who may ask.
#pragma once

#include <cstdint>

#include "examples/camo/serve/http_head.h"

namespace camo::program {

/// Where the server listens, and the most bytes of a body.
struct RequestRules {
  std::string host;
  int64_t port = 0, max_bytes = 0;

  /// "http://127.0.0.1:8080"
  std::string address() const;
};

/// HttpError unless the request can be answered: 404 (path), 405 (method), 411, 413, 415, 421 and 403 (sender).
void check_request(const RequestHead& head, const RequestRules& rules);

/// The head that cpp-httplib gets: nothing that this server does not use.  The type of the body is not in it, so that
/// cpp-httplib does not parse forms; nor are ranges, encodings and whatever else it would act on.
std::string passed_on(const RequestHead& head);

}  // namespace camo::program
