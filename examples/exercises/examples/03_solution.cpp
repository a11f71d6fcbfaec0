static Checkpoint save(Run& run) {
  return {copy(nn::state_dict(run.net)), copy(run.optimizer.state()), run.step, run.net.state().micro_step};
}

static void load(Run& run, const Checkpoint& from) {
  nn::load_state_dict(run.net, copy(from.model));
  run.optimizer.load_state(copy(from.optimizer));
  run.step = from.step;
  run.net.state().micro_step = from.micro_step;  // part of the key of every random number
}
