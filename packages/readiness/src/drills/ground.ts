/** Where drills happen: the service as a process of ours, and the road to its database under our hand. */
export type DrillGround = {
  say: (text: string) => void;
};
