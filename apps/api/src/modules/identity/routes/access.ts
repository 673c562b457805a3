import {
  AcceptedInvitation,
  AcceptInvitation,
  AssignRole,
  BuiltInRoles,
  CreateCustomRole,
  CustomRole,
  Invitation,
  Invite,
  Invited,
  PageQuery,
  pageOf,
  RemovedRole,
  RoleAssignment,
  RoleAssignmentQuery,
  Staff,
  UpdateCustomRole,
  WithdrawnInvitation,
} from '@medspa/contracts';
import {
  createRoute,
  encode,
  IdParam,
  jsonBody,
  jsonReply,
  problems,
  repeatable,
  RepeatableHeader,
  router,
} from '../../../platform/http.ts';
import * as access from '../service/access.ts';
import * as invitations from '../service/invitations.ts';
import { reinstate } from '../service/leaving.ts';

const tags = ['Access'];
export const accessRoutes = (parts: invitations.InviteParts) =>
  router()
    .openapi(
      createRoute({
        method: 'get',
        path: '/roles',
        needs: 'access:read',
        limit: 'read',
        tags,
        summary: 'The roles that every organization has',
        responses: { 200: jsonReply('Each with what it may do', BuiltInRoles), ...problems() },
      }),
      (c) => c.json(encode(c, BuiltInRoles, access.listRoles(c.get('ctx'))), 200),
    )
    .openapi(
      createRoute({
        method: 'get',
        path: '/custom-roles',
        needs: 'access:read',
        limit: 'read',
        tags,
        summary: 'Roles of its own',
        request: { query: PageQuery },
        responses: { 200: jsonReply('A page', pageOf(CustomRole)), ...problems('not-found') },
      }),
      async (c) => c.json(encode(c, pageOf(CustomRole), await access.listCustomRoles(c.get('ctx'), c.req.valid('query'))), 200),
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/custom-roles',
        needs: 'access:write',
        limit: 'write',
        tags,
        summary: 'Make a role',
        request: { headers: RepeatableHeader, body: jsonBody(CreateCustomRole) },
        responses: { 201: jsonReply('Made', CustomRole), ...problems('beyond-own-access', 'already-exists', 'idempotency-key-reused') },
      }),
      async (c) =>
        c.json(encode(c, CustomRole, await access.createCustomRole(repeatable(c, c.req.valid('json')), c.req.valid('json'))), 201),
    )
    .openapi(
      createRoute({
        method: 'patch',
        path: '/custom-roles/{id}',
        needs: 'access:write',
        limit: 'write',
        tags,
        summary: 'Change a role, for everybody who has it',
        request: { params: IdParam, body: jsonBody(UpdateCustomRole) },
        responses: {
          200: jsonReply('As it is now', CustomRole),
          ...problems('beyond-own-access', 'not-found', 'stale-version', 'already-exists'),
        },
      }),
      async (c) =>
        c.json(encode(c, CustomRole, await access.updateCustomRole(c.get('ctx'), c.req.valid('param').id, c.req.valid('json'))), 200),
    )
    .openapi(
      createRoute({
        method: 'delete',
        path: '/custom-roles/{id}',
        needs: 'access:write',
        limit: 'write',
        tags,
        summary: 'Remove a role that nobody has',
        request: { params: IdParam },
        responses: { 200: jsonReply('Removed', RemovedRole), ...problems('beyond-own-access', 'not-found', 'still-referred-to') },
      }),
      async (c) => c.json(encode(c, RemovedRole, await access.deleteCustomRole(c.get('ctx'), c.req.valid('param').id)), 200),
    )
    .openapi(
      createRoute({
        method: 'get',
        path: '/role-assignments',
        needs: 'access:read',
        limit: 'read',
        tags,
        summary: 'Who has which roles, and where',
        request: { query: RoleAssignmentQuery },
        responses: { 200: jsonReply('A page', pageOf(RoleAssignment)), ...problems('not-found') },
      }),
      async (c) => c.json(encode(c, pageOf(RoleAssignment), await access.listAssignments(c.get('ctx'), c.req.valid('query'))), 200),
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/role-assignments',
        needs: 'access:write',
        limit: 'write',
        tags,
        summary: 'Give somebody a role, everywhere or at one location',
        request: { headers: RepeatableHeader, body: jsonBody(AssignRole) },
        responses: {
          201: jsonReply('Given', RoleAssignment),
          ...problems('beyond-own-access', 'not-found', 'staff-inactive', 'already-exists', 'idempotency-key-reused'),
        },
      }),
      async (c) => c.json(encode(c, RoleAssignment, await access.assignRole(repeatable(c, c.req.valid('json')), c.req.valid('json'))), 201),
    )
    .openapi(
      createRoute({
        method: 'delete',
        path: '/role-assignments/{id}',
        needs: 'access:write',
        limit: 'write',
        tags,
        summary: 'Take a role back',
        request: { params: IdParam },
        responses: { 200: jsonReply('Taken back', RoleAssignment), ...problems('beyond-own-access', 'not-found', 'last-owner') },
      }),
      async (c) => c.json(encode(c, RoleAssignment, await access.takeRoleBack(c.get('ctx'), c.req.valid('param').id)), 200),
    )
    .openapi(
      createRoute({
        method: 'get',
        path: '/invitations',
        needs: 'access:read',
        limit: 'read',
        tags,
        summary: 'Invitations that may still be accepted',
        request: { query: PageQuery },
        responses: { 200: jsonReply('A page', pageOf(Invitation)), ...problems('not-found') },
      }),
      async (c) => c.json(encode(c, pageOf(Invitation), await invitations.listInvitations(c.get('ctx'), c.req.valid('query'))), 200),
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/invitations',
        needs: 'access:write',
        limit: 'write',
        tags,
        summary: 'Invite a staff member to sign in',
        description: 'Sent again it is a new invitation, and the one before ends: a link is shown once and kept nowhere.',
        request: { body: jsonBody(Invite) },
        responses: {
          201: jsonReply('Invited', Invited),
          ...problems('beyond-own-access', 'not-found', 'staff-inactive', 'address-missing', 'already-exists', 'mail-not-configured'),
        },
      }),
      async (c) => c.json(encode(c, Invited, await invitations.invite(c.get('ctx'), parts, c.req.valid('json'))), 201),
    )
    .openapi(
      createRoute({
        method: 'delete',
        path: '/invitations/{id}',
        needs: 'access:write',
        limit: 'write',
        tags,
        summary: 'Withdraw an invitation',
        request: { params: IdParam },
        responses: { 200: jsonReply('Withdrawn', WithdrawnInvitation), ...problems('not-found') },
      }),
      async (c) => c.json(encode(c, WithdrawnInvitation, await invitations.withdrawInvitation(c.get('ctx'), c.req.valid('param').id)), 200),
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/invitations/acceptance',
        needs: 'account:sign-in',
        limit: 'sign-in',
        tags: ['Sign-in'],
        summary: 'Accept an invitation by choosing a password',
        request: { body: jsonBody(AcceptInvitation) },
        responses: {
          201: jsonReply('Accepted. They sign in next.', AcceptedInvitation),
          ...problems('invitation-refused', 'password-too-short', 'password-too-common'),
        },
      }),
      async (c) => c.json(encode(c, AcceptedInvitation, await invitations.acceptInvitation(c.get('ctx'), c.req.valid('json'))), 201),
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/staff/{id}/reinstatement',
        needs: 'access:write',
        limit: 'write',
        tags,
        summary: 'Take somebody back who was off-boarded, without a role',
        request: { params: IdParam },
        responses: { 200: jsonReply('As they are now', Staff), ...problems('not-found') },
      }),
      async (c) => c.json(encode(c, Staff, await reinstate(c.get('ctx'), c.req.valid('param').id)), 200),
    );
