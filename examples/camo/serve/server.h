// A local page and an HTTP API for the service.
//
//   GET  /          the page; also /page.css and /page.js
//   GET  /about     the networks and the limits, as JSON
//   POST /predict   a photograph as the body, or as a form; ?threshold=0.5, ?format=json|png
//
// Every connection carries one request.  What is wrong with it is answered in one line of text; README.md lists which
// status says what.  No path of the machine can be read: three texts that the program holds are all there is.
// Read before: service.h; after: connection.h, http_head.h, multipart.h, server.cpp.
#pragma once

#include <functional>

#include "examples/camo/serve/service.h"

namespace camo::program {

struct ServerSettings {
  std::string host = "127.0.0.1";
  int64_t port = 8080;             // 0: any that is free
  int64_t max_bytes = 20'000'000;  // of a request's body
  double deadline = 10;            // seconds for a request to arrive, and again for its answer to be fetched
  int64_t connections = 8;         // served at once; each may hold max_bytes
};

/// Serves until stopped() is true; it is asked every tenth of a second.  Prints the address, then a line for each request.
/// ConfigError if the address cannot be listened on, or if this build has no server.
void serve(Service& service, const ServerSettings& settings, const std::function<bool()>& stopped);

/// ConfigError, with what to install, in a build without cpp-httplib.
void check_can_serve();

}  // namespace camo::program
