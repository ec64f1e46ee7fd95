-- AlterEnum
ALTER TYPE "audit_actor" ADD VALUE 'application';
