// Replaces server.cpp and connection.cpp in a build without cpp-httplib (-DCAMO_SERVE=auto or off).
#include "examples/camo/serve/server.h"

namespace camo::program {

void check_can_serve() {
  throw ConfigError(
      "camo serve: this build has no HTTP server [apt-get install libcpp-httplib-dev, then configure with "
      "-DCAMO_SERVE=on]");
}

void serve(Service&, const ServerSettings&, const std::function<bool()>&) { check_can_serve(); }

}  // namespace camo::program
