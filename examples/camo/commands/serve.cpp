// camo serve: a page and an HTTP API on this machine.
#include <cstdio>

#include "examples/camo/commands/commands.h"
#include "examples/camo/run/signals.h"
#include "examples/camo/serve/server.h"
#include "examples/camo/trained/trained_network.h"

namespace camo::program {

int serve_command(const Arguments& words) {
  PredictionFlags flags;
  Machine machine;
  Reading reading;
  reading.max_pixels = 24'000'000;
  ServerSettings settings;
  int64_t waiting = 4;
  Command command{
      .name = "serve",
      .summary = "Serves a page that finds objects in photographs, and an HTTP API, on this machine.",
      .usage = "camo serve --weights F [flags]",
      .options = {{"host", &settings.host, "address to listen on; 0.0.0.0 lets other machines in"},
                  {"port", &settings.port, "port to listen on; 0: any that is free", 0, 65535},
                  {"max-bytes", &settings.max_bytes, "bytes that a request may bring", 1000, 1e9},
                  {"deadline", &settings.deadline,
                   "seconds in which a request must have arrived, and its answer be fetched", 0.1, 3600},
                  {"connections", &settings.connections, "connections served at once", 1, 256},
                  {"waiting", &waiting, "photographs that wait while one is predicted; others are told to retry", 0,
                   256}},
      .notes =
          "GET / is the page, GET /about says what runs here.\n"
          "POST /predict takes a PNG or JPEG file:  curl -F photograph=@x.jpg http://127.0.0.1:8080/predict\n"
          "It answers with JSON, or with the map for ?format=png; ?threshold=0.4 sets the object's threshold."};
  command.options.add(options(flags));
  command.options.add(options(reading).only({"exif", "max-pixels"}));
  command.options.add(options(machine).only({"device", "threads"}));
  const CommandLine line = read(command, words);
  check<ConfigError>(!flags.weights.empty(), "camo serve: needs --weights");
  check_can_serve();

  const SignalGuard signals;
  set_max_pixels(reading.max_pixels);
  Ensemble loaded = open_networks(flags, machine);
  if (!line.has("exif")) reading.exif = loaded.config().reading.exif;
  std::printf("%s\n", loaded.described.c_str());
  Service service(std::move(loaded), how_maps_are_made(flags), reading.orientation(), waiting);
  serve(service, settings, [&] { return signals.caught() != 0; });
  return 0;
}

}  // namespace camo::program
