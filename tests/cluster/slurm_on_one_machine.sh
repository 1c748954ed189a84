#!/usr/bin/env bash
# SLURM on this one machine, for tests: real sbatch, squeue, requeue and preemption, as root on Debian, without systemd.
#
#   tests/cluster/slurm_on_one_machine.sh start FOLDER   starts it (again: nothing happens), waits until the node is idle,
#                                                        prints the line that makes sbatch and squeue use it
#   tests/cluster/slurm_on_one_machine.sh stop FOLDER    cancels its jobs and ends its daemons; FOLDER stays, with the logs
#
#   eval "$(tests/cluster/slurm_on_one_machine.sh start /tmp/slurm)"
#
# Everything lies in FOLDER, munge's key and socket included, so that no SLURM of the machine itself is touched. The
# partition `high` preempts and requeues the jobs of `low`. Waits are short: a requeued job is eligible again after 5
# seconds, a node that does not answer is down after 10 to 30. The node has two GPUs that do not exist: they can be asked for.
# There is no accounting: sacct answers nothing.
set -euo pipefail

fail() {
  echo "slurm_on_one_machine: $*" >&2
  exit 1
}

[[ $# -eq 2 && ($1 == start || $1 == stop) ]] || fail "expected 'start FOLDER' or 'stop FOLDER', not '$*'"
[[ $EUID -eq 0 ]] || fail "SLURM starts jobs as their users: run it as root"
missing=()
for program in munged slurmctld slurmd sbatch; do
  command -v "$program" >/dev/null || missing+=("$program")
done
[[ ${#missing[@]} -eq 0 ]] ||
  fail "no ${missing[*]} on this machine: apt-get install slurmctld slurmd slurm-client munge"
if [[ $1 == start ]]; then mkdir -p "$2"; fi
folder=$(realpath -e "$2") || fail "there is no folder $2"
[[ $folder =~ ^[[:alnum:]/._-]{1,60}$ ]] ||
  fail "'$folder' does not fit: at most 60 letters, digits, / . _ -, because a socket's path is short"
export SLURM_CONF=$folder/slurm.conf

running() { # DAEMON: is the daemon of this folder alive?
  local pid
  pid=$(cat "$folder/$1.pid" 2>/dev/null) && [[ $(ps -o comm= -p "$pid") == "$1" ]]
}

wait_until() { # SECONDS WHAT COMMAND...
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    ((SECONDS < deadline)) || fail "$what; the logs are in $folder"
    sleep 0.1
  done
}

node_is_up() { [[ $(sinfo --noheader --format=%T 2>/dev/null | sort -u) =~ ^(idle|mixed|allocated)$ ]]; }
no_job_is_left() { [[ -z $(squeue --noheader) ]]; }
gone() { ! running "$1"; }

write_configuration() {
  local node memory
  node=$(hostname -s)
  memory=$(slurmd -C | grep -oP 'RealMemory=\K\d+')
  cat >"$SLURM_CONF" <<END
ClusterName=one_machine
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
SlurmdTimeout=10
KillWait=2
GresTypes=gpu
NodeName=$node NodeAddr=127.0.0.1 CPUs=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc) RealMemory=$memory Gres=gpu:2
PartitionName=high Nodes=ALL Default=YES PriorityTier=2 PreemptMode=OFF
PartitionName=low Nodes=ALL PriorityTier=1
END
  printf 'Name=gpu Flags=nvidia_gpu_env File=%s\n' /dev/null /dev/zero >"$folder/gres.conf" # any two devices will do
}

start() {
  running slurmctld || ! (: <>/dev/tcp/127.0.0.1/16817) 2>/dev/null ||
    fail "port 16817 is taken, most likely by the SLURM of another folder: stop that one first"
  chmod 755 "$folder" # munge refuses a socket that other users cannot reach
  mkdir -p "$folder/state" "$folder/spool"
  running slurmctld || write_configuration
  if ! running munged; then
    [[ -f $folder/munge.key ]] || (umask 077 && head -c 128 /dev/urandom >"$folder/munge.key")
    munged --force --socket="$folder/munge.socket" --key-file="$folder/munge.key" --pid-file="$folder/munged.pid" \
      --log-file="$folder/munged.log" --seed-file="$folder/munge.seed" >&2
  fi
  for daemon in slurmctld slurmd; do
    running "$daemon" || "$daemon" >&2 || fail "$daemon does not start; its log is $folder/$daemon.log"
  done
  wait_until 30 "the node is not idle after 30 seconds: $(sinfo 2>&1 || true)" node_is_up
  echo "export SLURM_CONF=$SLURM_CONF"
}

stop() {
  if running slurmctld && running slurmd; then
    scancel --user=root
    wait_until 60 "jobs did not end in 60 seconds" no_job_is_left
  fi
  for daemon in slurmd slurmctld munged; do
    if running "$daemon"; then
      kill "$(<"$folder/$daemon.pid")"
      wait_until 30 "$daemon did not end in 30 seconds" gone "$daemon"
    fi
  done
}

"$1"
